import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, lstatSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** What `npm run` tells the programs below it, and what would lead them back to this clone. */
const ours =
  /^(npm_package_|npm_lifecycle_|npm_execpath|npm_node_execpath|npm_command|npm_config_local_prefix|INIT_CWD|FORGE_|DATABASE_URL)/;

/** A folder of somebody who has this Node, npm, and nothing of ours. */
export function newcomer(folder: string) {
  const kept = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const variables: Record<string, string | undefined> = {
    ...Object.fromEntries(kept),
    PATH: `${dirname(process.execPath)}${delimiter}${withoutClone(process.env.PATH ?? '')}`,
  };
  const env = variables as NodeJS.ProcessEnv;

  /** Resolves with stdout. Rejects where it ends with another code than 0, with all that it said. */
  async function run(program: string, ...args: string[]): Promise<string> {
    try {
      const { stdout } = await promisify(execFile)(program, args, { cwd: folder, env, maxBuffer: 64 * 2 ** 20 });
      return stdout;
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
      throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${stdout ?? ''}${stderr ?? ''}`);
    }
  }

  return {
    run,
    forge: (...args: string[]) => run('npx', '--no-install', 'forge', ...args),
    /** A server on a free port; resolves once it says where. */
    async serve() {
      const child = spawn(join(folder, 'node_modules', '.bin', 'forge'), ['serve', '--port', '0'], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      const url = await new Promise<string>((resolve, reject) => {
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          const [, found] = /dashboard: (http:\S+)/.exec(said) ?? [];
          if (found !== undefined) resolve(found);
        });
        child.once('exit', (code) => reject(new Error(`forge serve ended with ${code}: ${said}`)));
      });
      return {
        url,
        /** Resolves with its exit code. */
        async stop(): Promise<number | null> {
          if (child.exitCode !== null) return child.exitCode;
          const exit = once(child, 'exit');
          child.kill('SIGTERM');
          const [code] = await exit;
          return code;
        },
      };
    },
  };
}

const withoutClone = (path: string) =>
  path
    .split(delimiter)
    .filter((one) => !one.startsWith(join(import.meta.dirname, '..', 'node_modules')))
    .join(delimiter);

/** Bytes of all files below a folder. */
export function sizeOf(folder: string): number {
  const files = globSync('**', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0);
}
