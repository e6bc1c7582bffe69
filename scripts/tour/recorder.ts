import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CDPSession } from 'playwright-core';

export const size = { width: 1600, height: 900 };
const framesPerSecond = 25;
/** So late may a frame come after it was drawn, and still be in the film at its time. */
const lateSeconds = 2;

/** What the page looks like, as frames of a film that plays as fast as it happened. */
export interface Recorder {
  /** Length of the film so far. */
  seconds(): number;
  /** What happens now is not in the film. */
  pause(): void;
  resume(): void;
  /** Ends the file. */
  stop(): Promise<void>;
}

const encoder = (file: string) => [
  ...['-hide_banner', '-loglevel', 'error', '-y'],
  ...['-f', 'image2pipe', '-framerate', `${framesPerSecond}`, '-c:v', 'mjpeg', '-i', 'pipe:0'],
  // JPEG has other colours than a film: players would show them paler.
  ...['-vf', 'scale=in_range=pc:out_range=tv:in_color_matrix=bt601:out_color_matrix=bt709,format=yuv420p'],
  ...['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv'],
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20', '-g', `${10 * framesPerSecond}`],
  ...['-movflags', '+faststart', '-an', file],
];

/**
 * Chromium's screencast, written to ffmpeg as it comes: a frame is held until the next one comes, none is kept. Where ffmpeg is slow, Chromium is
 * not asked for another frame.
 */
export async function startRecorder(devtools: CDPSession, ffmpeg: string, file: string): Promise<Recorder> {
  const child: ChildProcess = spawn(ffmpeg, encoder(file), { stdio: ['pipe', 'ignore', 'pipe'] });
  const { stdin, stderr } = child;
  if (stdin === null || stderr === null) throw new Error('ffmpeg was started without pipes');
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // Its end is told by stop().
  stdin.on('error', () => {});
  const closed = once(child, 'close');

  let frame: Buffer | undefined;
  let written = 0;
  /** Seconds of the clock that are not in the film. */
  let left = 0;
  let pausedAt: number | undefined;
  const clock = () => Date.now() / 1000;
  const filmTime = (seconds: number) => seconds - left;

  /** The last frame, again and again, up to a time of the film. */
  function fill(until: number): void {
    if (frame === undefined) return;
    for (; written < Math.round(until * framesPerSecond); written++) stdin?.write(frame);
  }

  devtools.on('Page.screencastFrame', async ({ data, metadata, sessionId }) => {
    const drawnAt = metadata.timestamp ?? clock();
    if (frame === undefined) left = drawnAt;
    else fill(filmTime(Math.min(drawnAt, pausedAt ?? drawnAt)));
    frame = Buffer.from(data, 'base64');
    if (stdin.writableNeedDrain) await Promise.race([once(stdin, 'drain'), closed]);
    await devtools.send('Page.screencastFrameAck', { sessionId }).catch(() => {});
  });
  const { width, height } = size;
  const first = new Promise<void>((resolve) => devtools.once('Page.screencastFrame', () => resolve()));
  await devtools.send('Page.startScreencast', { format: 'jpeg', quality: 88, maxWidth: width, maxHeight: height });
  await Promise.race([first, closed]);
  const timer = setInterval(() => {
    if (pausedAt === undefined) fill(filmTime(clock()) - lateSeconds);
  }, 200);

  return {
    seconds: () => filmTime(pausedAt ?? clock()),
    pause() {
      if (pausedAt !== undefined) return;
      pausedAt = clock();
    },
    resume() {
      if (pausedAt === undefined) return;
      fill(filmTime(pausedAt));
      left += clock() - pausedAt;
      pausedAt = undefined;
    },
    async stop() {
      clearInterval(timer);
      fill(filmTime(pausedAt ?? clock()));
      await devtools.send('Page.stopScreencast').catch(() => {});
      stdin.end();
      const [code] = (await closed) as [number | null];
      if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${said}`);
    },
  };
}
