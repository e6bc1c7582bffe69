import { readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { type CheckedFinding, checkFinding } from '../check-finding.ts';
import { ConfigError } from '../errors.ts';
import { loadFindings } from '../findings-schema.ts';
import { checkedFindingText } from '../findings-text.ts';
import type { LogChoice } from './logging.ts';
import { createMeasurements, loadSource } from './measure-finding.ts';
import { ExitCode } from './report-error.ts';
import { startWorkspace } from './run-command.ts';

interface FindingsOptions extends LogChoice {
  readonly rerun?: boolean;
  readonly json?: boolean;
}

const folder = 'findings';

async function allFiles(): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  if (files.length === 0)
    throw new ConfigError(
      `no findings: name files, or put them into ${folder}/ (forge findings check ${folder}/x.yaml)`,
    );
  return files.map((name) => join(folder, name));
}

/** Exit code 4 where a finding is refuted or its plan was not kept, else 5 where one is inconclusive. */
function endWith(checked: readonly CheckedFinding[]): void {
  if (checked.some(({ verdict, departures }) => verdict === 'refuted' || departures.length > 0)) throw new ExitCode(4);
  if (checked.some(({ verdict }) => verdict === 'inconclusive')) throw new ExitCode(5);
}

/** `forge findings check`. Throws ConfigError; ExitCode 4 and 5 as `docs/findings.md` says. */
export async function checkFindings(given: readonly string[], options: FindingsOptions): Promise<void> {
  const files = given.length > 0 ? given : await allFiles();
  // All are read before anything runs: a typing error in the last one must not cost the runs of the first.
  const findings = [];
  for (const file of files) {
    const spec = await loadFindings(file);
    const path = relative('.', resolve(dirname(file), spec.source.file));
    findings.push({ spec, source: await loadSource(spec.source.kind, path) });
  }
  let metric = '';
  const started = startWorkspace(() => metric, options);
  const store = await started.workspace.openStore();
  try {
    const measured = createMeasurements(store, started, {
      ...options,
      onStart: (name) => {
        metric = name;
      },
    });
    const checked: CheckedFinding[] = [];
    for (const { spec, source } of findings) {
      const finding = await checkFinding(store, spec, await measured(source));
      checked.push(finding);
      if (!options.json) console.log(`${checkedFindingText(finding)}\n`);
    }
    if (options.json) console.log(JSON.stringify(checked, null, 2));
    endWith(checked);
  } finally {
    await store.close();
  }
}
