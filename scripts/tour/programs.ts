import { spawnSync } from 'node:child_process';
import { browserPath } from '../../packages/dashboard/e2e/browser.ts';

/** What a film needs beside this project. */
export interface Programs {
  readonly ffmpeg: string;
  readonly ffprobe: string;
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
