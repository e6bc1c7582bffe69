import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Definition } from '../definition.ts';
import { ConfigError, messageOf } from '../errors.ts';
import { contentHash } from '../lib/canonical-json.ts';
import { argumentsFromJsonSchema, describeArguments } from '../lib/json-schema-arguments.ts';
import { reaching } from '../lib/option-reach.ts';
import { passedEnvironment } from '../lib/passed-environment.ts';
import { redact } from '../lib/redact.ts';
import { checkFile, fileSha256 } from '../lib/row-source.ts';
import { oneLine } from '../lib/untrusted-text.ts';
import type { Tool, ToolParts, ToolSet } from '../tool.ts';
import { networkIsolation } from './typescript-file/isolation.ts';
import { createProcessPool } from './typescript-file/pool.ts';
import { startToolProcess, type ToolProcess } from './typescript-file/process.ts';

const maxDescriptionChars = 2000;

const options = z.strictObject({
  path: reaching('code', z.string().regex(/\.m?[tj]s$/, 'a .ts, .mts, .js or .mjs file')).describe(
    'The file, in a folder of its own below the project, e.g. experiments/tools/units.ts; see docs/add-a-tool.md.',
  ),
  timeoutSeconds: z
    .number()
    .gt(0)
    .max(3600)
    .default(10)
    .describe('Time of one call; a tool that takes longer is killed.'),
  startSeconds: z.number().gt(0).max(3600).default(30).describe('Time to load the file.'),
  memoryMb: z
    .int()
    .min(128)
    .max(65_536)
    .default(512)
    .describe('Memory of its process; Node itself takes about 80 of it.'),
  maxOutputChars: z.int().min(20).max(1_000_000).default(4000).describe('Characters of one observation at most.'),
  env: reaching(
    'variable',
    z.array(
      z
        .string()
        .regex(/^(?!NODE_|LD_|DYLD_)[A-Za-z_]\w*$/, 'a name of a variable, not one that changes how Node starts'),
    ),
  )
    .max(50)
    .default([])
    .describe(
      'Names of the environment variables that it gets; it gets no others, and no observation shows their values.',
    ),
  network: z.boolean().default(false).describe('Whether it may use the network.'),
  processes: z
    .int()
    .min(1)
    .max(32)
    .default(1)
    .describe('Calls at the same time, each in a process of its own; the others wait.'),
});

type Options = z.infer<typeof options>;

const isInside = (path: string, folder: string) => {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
};

/** The file and the project's folder, links resolved. Throws ConfigError where the file is missing or not in a folder below. */
async function locate(path: string, baseDir: string): Promise<{ file: string; root: string }> {
  const root = await realpath(baseDir);
  const asked = resolve(baseDir, path);
  const outside = () => new ConfigError(`path: "${path}" is outside of the project's folder; put the file below it`);
  if (!isInside(asked, resolve(baseDir))) throw outside();
  await checkFile(asked, baseDir);
  const file = await realpath(asked);
  if (!isInside(file, root)) throw outside();
  if (dirname(file) === root)
    throw new ConfigError(
      `path: "${path}" may read its folder, which is the whole project; put it into one of its own`,
    );
  if (/[*,]/.test(dirname(file)))
    throw new ConfigError(`path: "${path}" is in a folder with * or , in its name, which cannot be given rights`);
  return { file, root };
}

/** Its own folder, and the packages that it can import. */
function readableFolders(file: string, root: string): string[] {
  const folders = [dirname(file)];
  for (let at = dirname(file); ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules'))) folders.push(join(at, 'node_modules'));
    if (at === root) return folders.map((folder) => folder + sep);
  }
}

/** Of everything that the file loaded from where it may read, itself included; what it loads or reads during a call is not in it. */
async function digestOf({ files }: ToolProcess, readable: readonly string[]): Promise<string> {
  const paths = files
    .map((url) => fileURLToPath(url))
    .filter((path) => readable.some((folder) => path.startsWith(folder)));
  return contentHash((await Promise.all(paths.map((path) => fileSha256(path)))).sort());
}

async function open(given: Options, parts: ToolParts) {
  const { file, root } = await locate(given.path, parts.baseDir);
  const { variables, secrets } = passedEnvironment(given.env, parts.env);
  const readable = readableFolders(file, root);
  const { network, memoryMb, timeoutSeconds, startSeconds, maxOutputChars } = given;
  if (!network && (await networkIsolation()).length === 0)
    parts.notify({
      level: 'info',
      message: `typescript-file: ${given.path}: this system cannot take the network away from a process; network: false is a guard against accidents only`,
    });
  const limits = { memoryMb, timeoutMs: timeoutSeconds * 1000, startMs: startSeconds * 1000, maxOutputChars };
  const start = () =>
    startToolProcess({ file, readable, variables, network, ...limits }).catch((error) => {
      throw new ConfigError(
        `path: "${given.path}" cannot be used: ${redact(messageOf(error), secrets).slice(0, 1000)}`,
      );
    });
  return { start, secrets, digest: (process: ToolProcess) => digestOf(process, readable) };
}

/** A tool that somebody wrote in a file of their own. It runs in a process with few rights: see docs/add-a-tool.md for what that keeps out. */
export const definition: Definition<ToolSet, ToolParts, typeof options> = {
  name: 'typescript-file',
  summary: 'Tools from a TypeScript file of your own, in a process with limits.',
  options,
  async create(given, parts) {
    const { start, secrets, digest } = await open(given, parts);
    const first = await start();
    const content = await digest(first);
    const pool = createProcessPool(first, given.processes, async () => {
      const next = await start();
      if ((await digest(next)) === content) return next;
      await next.end();
      throw new Error(`${given.path} was changed since the run began; start the run again`);
    });
    const { path: _path, processes: _processes, ...settings } = given;
    return {
      fingerprint: `typescript-file 1 ${contentHash({ content, settings })}`,
      secrets,
      tools: first.tools.map(({ name, description, schema }): Tool => {
        const described = argumentsFromJsonSchema(schema);
        return {
          name,
          description: `${oneLine(description, maxDescriptionChars)} ${describeArguments(described)}`.trim(),
          arguments: described,
          call: (input, signal) => pool.use(signal, (process) => process.call(name, input, signal)),
        };
      }),
      close: pool.close,
    };
  },
};
