import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { forge } from '../../packages/forge/src/testing/forge-process.ts';
import type { Tour } from './scene.ts';
import { terminalUrl } from './stage-pages.ts';

const root = join(import.meta.dirname, '..', '..');

interface TerminalWindow {
  readonly terminal: { write(text: string, look?: 'b' | 'i'): void };
}

export interface Terminal {
  /** Types `npm run forge -- <args>` and shows what the real command says; after `seconds` the rest of the wait is cut. */
  run(args: readonly string[], seconds: number): Promise<void>;
}

const quoted = (arg: string) => (/^[\w./:=@-]+$/.test(arg) ? arg : `'${arg}'`);

/** A page that shows commands like a terminal does. The commands run beside the server, in its database. */
export async function openTerminal({ film, laboratory }: Tour): Promise<Terminal> {
  await film.open(terminalUrl);
  const write = (text: string, look?: 'b' | 'i') =>
    film.page.evaluate(([written, as]) => (window as unknown as TerminalWindow).terminal.write(written, as), [
      text,
      look,
    ] as const);
  return {
    async run(args, seconds) {
      await write('$ ', 'b');
      for (const character of ['npm run forge --', ...args.map(quoted)].join(' ')) {
        await write(character, 'i');
        await sleep(28);
      }
      await sleep(400);
      await write('\n', 'i');
      const ended = forge(args, {
        cwd: root,
        env: laboratory.env,
        onStart(child) {
          for (const stream of [child.stdout, child.stderr])
            stream?.on('data', (text: string) => void write(text).catch(() => {}));
        },
      });
      const { code, stderr } = await film.wait(ended, seconds);
      if (code !== 0) throw new Error(`forge ${args.join(' ')} ended with ${code}: ${stderr}`);
      await write('\n');
    },
  };
}
