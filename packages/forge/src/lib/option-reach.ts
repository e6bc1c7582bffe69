import { isIP } from 'node:net';
import { z } from 'zod';
import type { ConfigLimits, Surroundings } from '../definition.ts';
import { ConfigError } from '../errors.ts';
import { hostOf, hostPattern } from './host-pattern.ts';
import { isPrivateAddress } from './private-address.ts';
import { projectPath } from './project-path.ts';

/**
 * What an option reaches outside of the experiment:
 * file: a file or folder; model: a path, or a model of the hub; address: a URL whose connections the component guards itself;
 * listed-address: a URL that a library connects to, which must therefore be one that the operator named; program: something
 * that is started; code: a file whose content is executed; variable: the name of an environment variable whose value is sent.
 */
export type Reach = 'file' | 'model' | 'address' | 'listed-address' | 'program' | 'code' | 'variable';

const reaches = z.registry<{ reach: Reach }>();

/** Says what an option reaches; configs that come over the API are held to it before the component is created. */
export function reaching<Schema extends z.ZodType>(reach: Reach, schema: Schema): Schema {
  reaches.add(schema, { reach });
  return schema;
}

interface Reached {
  readonly key: string;
  readonly reach: Reach;
  readonly value: string;
  /** The option was left out, and has this default. */
  readonly byDefault: boolean;
}

interface Inner {
  readonly def?: {
    readonly innerType?: z.ZodType;
    readonly in?: z.ZodType;
    readonly element?: z.ZodType;
    readonly valueType?: z.ZodType;
    readonly options?: readonly z.ZodType[];
    readonly defaultValue?: unknown;
  };
  readonly shape?: Readonly<Record<string, z.ZodType>>;
}

/** A schema without what wraps it: its innermost layer, the reach that any layer names, and the default. */
function unwrapped(schema: z.ZodType): { inner: Inner; reach: Reach | undefined; initial: unknown } {
  let reach: Reach | undefined;
  let initial: unknown;
  for (let layer = schema; ; ) {
    reach ??= reaches.get(layer)?.reach;
    const { def } = layer as Inner;
    initial ??= def?.defaultValue;
    const next = def?.innerType ?? def?.in;
    if (next === undefined) return { inner: layer as Inner, reach, initial };
    layer = next;
  }
}

/** What an option reaches; undefined where it reaches nothing. */
export const reachOf = (schema: z.ZodType): Reach | undefined => unwrapped(schema).reach;

/** Everything that checked options reach, each text by itself; of a list or record that reaches, each entry. */
function* reachedBy(schema: z.ZodType, value: unknown, key = ''): Generator<Reached> {
  const { inner, reach, initial } = unwrapped(schema);
  const { def, shape } = inner;
  if (typeof value === 'string') {
    if (reach !== undefined) yield { key, reach, value, byDefault: value === initial };
  } else if (value !== null && typeof value === 'object') {
    for (const [name, one] of Object.entries(value)) {
      const below = key === '' ? name : `${key}.${name}`;
      const entry = shape !== undefined && Object.hasOwn(shape, name) ? shape[name] : (def?.element ?? def?.valueType);
      if (reach !== undefined && typeof one === 'string') yield { key: below, reach, value: one, byDefault: false };
      else if (entry !== undefined) yield* reachedBy(entry, one, below);
    }
  }
  if (reach === undefined) for (const branch of def?.options ?? []) yield* reachedBy(branch, value, key);
}

/** Whether a URL names a host that the operator listed as private but allowed. */
export const isListedHost = (url: URL, { privateHosts }: ConfigLimits): boolean =>
  privateHosts.some((pattern) => hostPattern(pattern, '--private-host')(url));

function checkAddress({ key, value, reach }: Reached, limits: ConfigLimits): void {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new ConfigError(`${key}: ${JSON.stringify(value.slice(0, 200))} is not an http or https address`);
  if (isListedHost(url, limits)) return;
  const host = hostOf(url);
  const open = `allow it with: forge serve --private-host ${url.host}`;
  if (reach === 'listed-address')
    throw new ConfigError(`${key}: "${url.host}" is not spoken to, as this config came over the API; ${open}`);
  const local = host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.internal');
  if (local || (isIP(host) !== 0 && isPrivateAddress(host)))
    throw new ConfigError(
      `${key}: "${url.host}" is not on the public internet, and this config came over the API; ${open}`,
    );
}

/** A variable's value may only go where the operator said: a config that chooses both would read any secret of this process. */
function checkVariable(
  { key, value, byDefault }: Reached,
  address: string | undefined,
  { limits, env, allowPrograms }: Guarded,
): void {
  if (limits === undefined) return;
  const url = address === undefined ? null : URL.parse(address);
  if (url === null && (byDefault || allowPrograms === true)) return;
  // Nothing would be sent.
  if (byDefault && (env?.[value] ?? '') === '') return;
  const host = url?.host ?? '';
  if (value === 'OPENAI_API_KEY' && url?.origin === 'https://api.openai.com') return;
  if (url !== null && limits.secrets.includes(`${value}@${host}`)) return;
  throw new ConfigError(
    `${key}: the value of ${JSON.stringify(value.slice(0, 100))} is not sent${url === null ? '' : ` to ${host}`}, as this config came over the API; allow it with: forge serve --secret ${/^\w+$/.test(value) ? value : 'NAME'}@${host || 'host'}`,
  );
}

type Guarded = Partial<Pick<Surroundings, 'baseDir' | 'limits' | 'env' | 'allowPrograms'>>;

/**
 * Holds the checked options of a component against what the operator lets configs from elsewhere reach. Nothing is refused
 * without `limits`. Throws ConfigError naming the key.
 */
export async function checkReach(schema: z.ZodType, options: unknown, parts: Guarded): Promise<void> {
  const { limits, baseDir = '.', allowPrograms } = parts;
  if (limits === undefined) return;
  const reached = [...reachedBy(schema, options)];
  const address = reached.find(({ reach }) => reach === 'address' || reach === 'listed-address')?.value;
  for (const one of reached) {
    const { key, reach, value } = one;
    if (reach === 'file' || (reach === 'model' && !value.startsWith('hf:'))) {
      await projectPath(value, key, { baseDir, limits });
    } else if (reach === 'code') {
      throw new ConfigError(
        `${key}: ${JSON.stringify(value.slice(0, 200))} is code, which is never loaded for a config that came over the API; use forge run`,
      );
    } else if (reach === 'program' && allowPrograms !== true) {
      throw new ConfigError(
        `${key.replace(/\.\d+$/, '')}: ${JSON.stringify(value.slice(0, 200))} is not started, as this config came over the API; use forge run, or start the server with --allow-programs`,
      );
    } else if (reach === 'address' || reach === 'listed-address') checkAddress(one, limits);
    else if (reach === 'variable') checkVariable(one, address, parts);
  }
}
