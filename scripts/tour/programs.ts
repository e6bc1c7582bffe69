import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { browserPath } from '../../packages/dashboard/e2e/browser.ts';

/** What a film needs beside this project. */
export interface Programs {
  readonly ffmpeg: string;
  readonly ffprobe: string;
}

const execute = promisify(execFile);

/** Runs ffmpeg to its end; the error says how it ended. */
export async function runFfmpeg(ffmpeg: string, args: readonly string[]): Promise<void> {
  try {
    await execute(ffmpeg, ['-hide_banner', '-nostdin', '-loglevel', 'error', '-y', ...args]);
  } catch (error) {
    const { code, signal, stderr } = error as { code?: number | string; signal?: string; stderr?: string };
    throw new Error(`ffmpeg ended with ${signal ?? code}: ${stderr?.trim() || 'it said nothing'}`, { cause: error });
  }
}

const answers = (program: string) => spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0;

/** Finds them; the error says what to install. */
export function findPrograms(env: Readonly<Record<string, string | undefined>>): Programs {
  const ffmpeg = env.FFMPEG_PATH ?? 'ffmpeg';
  const ffprobe = env.FFPROBE_PATH ?? 'ffprobe';
  const missing = [
    ...(browserPath === undefined
      ? ['a browser: install chromium (Debian, Ubuntu: apt install chromium), or name one in CHROME_PATH']
      : []),
    ...(answers(ffmpeg) && answers(ffprobe)
      ? []
      : [
          'ffmpeg and ffprobe: install ffmpeg (apt install ffmpeg, brew install ffmpeg), or name them in FFMPEG_PATH and FFPROBE_PATH',
        ]),
  ];
  if (missing.length > 0) throw new Error(`the tour needs what is not here:\n  ${missing.join('\n  ')}`);
  return { ffmpeg, ffprobe };
}
