/** A text that is read on the screen, in seconds of the film. */
export interface Cue {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const charactersPerSecond = 15;
const shortestSeconds = 2;
/** To notice that there is a new text. */
const noticeSeconds = 0.4;

/** How long a caption stays, so that it can be read beside what happens: about 15 characters a second. */
export const readingSeconds = (text: string): number =>
  noticeSeconds + Math.max(shortestSeconds, text.length / charactersPerSecond);

/** HH:MM:SS.mmm, as WebVTT wants it. */
export function timestamp(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000));
  const part = (value: number, digits: number) => String(value).padStart(digits, '0');
  return [
    part(Math.floor(ms / 3_600_000), 2),
    part(Math.floor(ms / 60_000) % 60, 2),
    `${part(Math.floor(ms / 1000) % 60, 2)}.${part(ms % 1000, 3)}`,
  ].join(':');
}

/** A line of at most `width` characters where words allow it. */
function wrapped(text: string, width: number): string {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** The captions as a WebVTT file (W3C, 2019): https://www.w3.org/TR/webvtt1/ */
export function vttText(cues: readonly Cue[]): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const blocks = cues.map(
    ({ start, end, text }, i) => `${i + 1}\n${timestamp(start)} --> ${timestamp(end)}\n${escaped(wrapped(text, 60))}\n`,
  );
  return ['WEBVTT\n', ...blocks].join('\n');
}
