import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { ConfigError } from '../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const maxFileBytes = 64 * 1024;
/** Shorter values are switches, not secrets: blacking them out would ruin ordinary text. */
const minSecretChars = 8;
const secretName = /(key|token|secret|passw(or)?d|credential|authorization)s?$/i;
const publicName = /_public_key$/i;
/** `authorization=Basic%20abc,x-other=1`: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
const headersName = /_OTLP_(?:[A-Z]+_)?HEADERS$/;

/** A small text file that nobody but its owner can read. Throws ConfigError, never with what is in it. */
function readSecretFile(variable: string, path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new ConfigError(`${variable}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    const { mode, size, uid } = fstatSync(file);
    if ((mode & 0o170000) !== 0o100000) throw new ConfigError(`${variable}: ${path} is not a file`);
    if (size > maxFileBytes)
      throw new ConfigError(`${variable}: ${path} has ${size} bytes; a secret file has ${maxFileBytes} at most`);
    // Windows keeps rights elsewhere.
    if (process.platform !== 'win32') {
      if ((mode & 0o077) !== 0) {
        const shown = (mode & 0o777).toString(8).padStart(4, '0');
        throw new ConfigError(
          `${variable}: ${path} can be read or written by others (mode ${shown}); correct it with: chmod 600 ${path}`,
        );
      }
      const own = process.getuid?.();
      if (uid !== own && uid !== 0)
        throw new ConfigError(
          `${variable}: ${path} belongs to user ${uid}, who could change it; it must be yours or root's`,
        );
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

/** `NAME=value` lines; blank ones and those that begin with # are left out. */
function parseSecrets(path: string, text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const [, name, value = ''] = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined)
      throw new ConfigError(
        `FORGE_SECRETS_FILE: ${path}:${i + 1}: not NAME=value; a line that says something else begins with #`,
      );
    const [, quoted] = /^(?:"(.*)"|'.*')$/.exec(value) ?? [];
    found[name] = quoted ?? value.replace(/^'(.*)'$/, '$1');
  }
  return found;
}

export interface Secrets {
  /** What components read. A variable that is not set comes from the secret file, or from the file that NAME_FILE names. */
  readonly env: Environment;
  /** Values that must never be shown, as far as they are known by now. */
  values(): readonly string[];
}

function passwordOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { username, password, pathname } = new URL(url);
  // A password that is the user's name or the database's protects nothing, and is a word that texts have.
  if (password === '' || password === username || password === pathname.slice(1)) return [];
  return [password, decodeURIComponent(password)];
}

/**
 * The environment with its secrets. A NAME_FILE is read when NAME is asked for: variables of other programs that end so are
 * left alone. Throws ConfigError where FORGE_SECRETS_FILE cannot be used.
 */
export function openSecrets(environment: Environment): Secrets {
  const path = environment.FORGE_SECRETS_FILE;
  const listed =
    path === undefined || path === '' ? {} : parseSecrets(path, readSecretFile('FORGE_SECRETS_FILE', path));
  const fromFiles = new Map<string, string>();

  function lookUp(name: string): string | undefined {
    const set = environment[name];
    if (set !== undefined && set !== '') return set;
    if (Object.hasOwn(listed, name)) return listed[name];
    const known = fromFiles.get(name);
    const file = environment[`${name}_FILE`];
    if (known !== undefined || file === undefined || file === '' || name === 'FORGE_SECRETS') return known ?? set;
    const value = readSecretFile(`${name}_FILE`, file).trim();
    fromFiles.set(name, value);
    return value;
  }

  const names = () => [...new Set([...Object.keys(environment), ...Object.keys(listed)])];
  const env = new Proxy({} as Record<string, string | undefined>, {
    get: (_, name) => (typeof name === 'string' ? lookUp(name) : undefined),
    has: (_, name) => typeof name === 'string' && lookUp(name) !== undefined,
    ownKeys: names,
    getOwnPropertyDescriptor: (_, name) =>
      typeof name === 'string' && names().includes(name)
        ? { value: lookUp(name), enumerable: true, configurable: true }
        : undefined,
  });
  const ofEnvironment = Object.entries(environment).flatMap(([name, value = '']) => {
    if (headersName.test(name)) return value.split(',').map((header) => header.replace(/^[^=]*=/, '').trim());
    return secretName.test(name) && !publicName.test(name) ? [value] : [];
  });
  return {
    env,
    values() {
      const addresses = [environment.DATABASE_URL, listed.DATABASE_URL, fromFiles.get('DATABASE_URL')];
      const all = [
        ...ofEnvironment,
        ...Object.values(listed),
        ...fromFiles.values(),
        ...addresses.flatMap((url = '') => passwordOf(url)),
      ];
      return [...new Set(all)].filter((value) => value.length >= minSecretChars);
    },
  };
}
