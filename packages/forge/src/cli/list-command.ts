import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { buildDataset } from '../build.ts';
import { definitionsOf, type Noun, nouns, pluralOf } from '../catalog.ts';
import { ConfigError } from '../errors.ts';
import {
  benchmarkJsonSchema,
  corpusJsonSchema,
  experimentJsonSchema,
  findingsJsonSchema,
  trainingJsonSchema,
} from '../json-schemas.ts';
import { closestName } from '../lib/closest-name.ts';
import { formatCount, textTable } from '../lib/format.ts';
import { root } from '../lib/installation.ts';
import { resolveModelFile } from '../lib/model-file.ts';
import type { RunStatus } from '../run.ts';
import { findExperiment } from './find-experiment.ts';
import { openWorkspace, shortPath } from './workspace.ts';

interface ListOptions {
  readonly text?: string;
  readonly status?: RunStatus;
  readonly method?: string;
  readonly dataset?: string;
  readonly deleted?: boolean;
  readonly after?: string;
  readonly limit: number;
  readonly json?: boolean;
}

const nounOf = (plural: string): Noun | undefined => nouns.find((noun) => pluralOf(noun) === plural);

function describeComponents(asked: readonly Noun[], json: boolean): void {
  if (json) {
    const described = asked.flatMap((noun) =>
      definitionsOf(noun).map(({ name, summary, options }) => ({
        noun,
        name,
        summary,
        options: z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }),
      })),
    );
    console.log(JSON.stringify(described, null, 2));
    return;
  }
  for (const noun of asked) {
    console.log(pluralOf(noun));
    for (const { name, summary, options } of definitionsOf(noun)) {
      console.log(`  ${name}: ${summary}`);
      const shape = z.toJSONSchema(options, { io: 'input', unrepresentable: 'any' }).properties ?? {};
      for (const [key, schema] of Object.entries(shape)) {
        const { description = '', default: initial } = schema as { description?: string; default?: unknown };
        const shown = initial === undefined ? '' : ` (default ${JSON.stringify(initial)})`;
        console.log(`      ${key}: ${description}${shown}`);
      }
    }
  }
}

/** `forge list`: what is stored, or what a config can name. */
export async function list(what: string, options: ListOptions): Promise<void> {
  if (what === 'components') return describeComponents(nouns, options.json === true);
  const noun = nounOf(what);
  if (noun !== undefined) return describeComponents([noun], options.json === true);
  const store = await openWorkspace().openStore();
  try {
    const { limit, after, deleted, text, status, method, dataset } = options;
    const filter = {
      ...(text === undefined ? {} : { text }),
      ...(status === undefined ? {} : { status }),
      ...(method === undefined ? {} : { method }),
      ...(dataset === undefined ? {} : { dataset }),
      ...(deleted ? { deleted: 'only' as const } : {}),
    };
    const page = await store.listExperiments(filter, { limit, ...(after === undefined ? {} : { after }) });
    const items = [];
    for (const experiment of page.items) items.push({ ...experiment, runs: await store.listRuns(experiment.id) });
    if (options.json) {
      console.log(JSON.stringify({ items: items.map(({ source: _, ...item }) => item), next: page.next }, null, 2));
      return;
    }
    const rows = items.map((item) => [
      item.id,
      item.name,
      new Date(item.createdAt).toISOString().slice(0, 16).replace('T', ' '),
      item.runs
        .map((run) => run.variant)
        .join(', ')
        .slice(0, 60),
      `${item.runs.filter((run) => run.status === 'finished').length}/${item.runs.length} finished`,
    ]);
    console.log(
      rows.length === 0
        ? 'no experiment found'
        : textTable(['experiment', 'name', 'created (UTC)', 'variants', 'runs'], rows),
    );
    if (page.next !== null) console.log(`\nmore: forge list --after ${page.next}`);
  } finally {
    await store.close();
  }
}

/** `key=value` pairs; a value is JSON where it parses as such, else text. */
function parseSettings(settings: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    settings.map((setting) => {
      const at = setting.indexOf('=');
      if (at < 1) throw new ConfigError(`--set ${setting}: must be option=value`);
      const text = setting.slice(at + 1);
      try {
        return [setting.slice(0, at), JSON.parse(text)];
      } catch {
        return [setting.slice(0, at), text];
      }
    }),
  );
}

/** `forge datasets`: those there are, or rows of one. Throws ConfigError. */
export async function datasets(
  name: string | undefined,
  options: { set?: string[]; limit: number; json?: boolean },
): Promise<void> {
  if (name === undefined) return describeComponents(['dataset'], options.json === true);
  const known = definitionsOf('dataset');
  const definition = known.find((one) => one.name === name);
  if (definition === undefined) {
    const names = known.map((one) => one.name);
    const meant = closestName(name, names);
    throw new ConfigError(
      `unknown dataset "${name}".${meant === undefined ? '' : ` Did you mean "${meant}"?`} Known datasets: ${names.join(', ')}`,
    );
  }
  const parsed = definition.options.safeParse(parseSettings(options.set ?? []));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ConfigError(
      `dataset ${name}: ${issue?.path.join('.') || 'options'}: ${issue?.message}. Give options as --set option=value`,
    );
  }
  const dataset = await buildDataset(
    { name, options: parsed.data as Record<string, unknown> },
    openWorkspace().surroundings,
  );
  const count = await dataset.count();
  const only = new Set(Array.from({ length: Math.min(options.limit, count) }, (_, i) => i));
  const rows = [];
  for await (const example of dataset.examples({ only })) rows.push(example);
  if (options.json)
    console.log(JSON.stringify({ name, count, fingerprint: await dataset.fingerprint(), rows }, null, 2));
  else {
    console.log(`${name}: ${formatCount(count)} examples, fingerprint ${(await dataset.fingerprint()).slice(0, 12)}`);
    for (const row of rows) console.log(JSON.stringify(row));
  }
}

const bundledModels = join(root, 'models');

/** Model files below a folder, three levels down at most. */
async function modelFiles(dir: string, depth = 4): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) return depth > 0 ? modelFiles(path, depth - 1) : [];
      return entry.name.endsWith('.gguf') ? [path] : [];
    }),
  );
  return found.flat().sort();
}

/** `forge models`: downloaded model files; with a name, fetches it and says where it is. Throws ConfigError. */
export async function models(model: string | undefined, options: { json?: boolean }): Promise<void> {
  const { surroundings } = openWorkspace((notice) => console.error(notice.message));
  if (model !== undefined) {
    const file = await resolveModelFile(model, surroundings);
    console.log(
      options.json
        ? JSON.stringify(file, null, 2)
        : `${shortPath(file.path)}  ${formatCount(file.sizeBytes)} bytes  sha256 ${file.sha256}`,
    );
    return;
  }
  const paths = [...(await modelFiles(bundledModels)), ...(await modelFiles(surroundings.cacheDir, 8))];
  const found = await Promise.all(paths.map(async (path) => ({ path, sizeBytes: (await stat(path)).size })));
  if (options.json) console.log(JSON.stringify(found, null, 2));
  else {
    console.log(
      textTable(
        ['model', 'MB'],
        found.map((file) => [shortPath(file.path), (file.sizeBytes / 1e6).toFixed(1)]),
      ),
    );
    console.log('\nUse one by its path, or any GGUF of the hub: forge models hf:owner/repo/file.gguf');
  }
}

/** `forge delete`: hides an experiment, or brings it back. Throws ConfigError. */
export async function remove(id: string, options: { restore?: boolean }): Promise<void> {
  const store = await openWorkspace().openStore();
  try {
    const experiment = await findExperiment(store, id);
    if (options.restore) await store.restoreExperiment(experiment.id);
    else await store.deleteExperiment(experiment.id);
    console.log(
      options.restore
        ? `restored: ${experiment.id} ${experiment.name}`
        : `deleted: ${experiment.id} ${experiment.name} (bring back: forge delete --restore ${experiment.id})`,
    );
  } finally {
    await store.close();
  }
}

const jsonSchemas = {
  experiment: experimentJsonSchema,
  corpus: corpusJsonSchema,
  training: trainingJsonSchema,
  benchmark: benchmarkJsonSchema,
  findings: findingsJsonSchema,
};

/** `forge schema`: a JSON Schema on stdout. */
export async function schema(what: keyof typeof jsonSchemas): Promise<void> {
  console.log(JSON.stringify(jsonSchemas[what](), null, 2));
}
