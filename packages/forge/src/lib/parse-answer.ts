/** How an answer was found: by a marker that the text has, or the last sentence because it has none. */
export interface ParsedAnswer {
  readonly answer: string;
  readonly by: 'marker' | 'last-sentence' | 'none';
}

/** Longest text that is looked at, from its end: bounds the work on a runaway generation. */
const maxChars = 100_000;

/** `\boxed{...}` with balanced braces, the last one; as MATH's reference script finds it (Hendrycks et al. 2021). */
function lastBoxed(text: string): string | undefined {
  const start = Math.max(text.lastIndexOf('\\boxed{'), text.lastIndexOf('\\fbox{'));
  if (start < 0) return undefined;
  const open = text.indexOf('{', start);
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return text.slice(open + 1, i);
  }
  return undefined;
}

function lineAfter(text: string, index: number): string {
  const rest = text.slice(index).replace(/^[\s*:]+/, '');
  const end = rest.indexOf('\n');
  return end < 0 ? rest : rest.slice(0, end);
}

function lastMatchEnd(text: string, marker: RegExp): number | undefined {
  let end: number | undefined;
  for (const match of text.matchAll(marker)) end = match.index + match[0].length;
  return end;
}

/** Surrounding spaces, Markdown emphasis, quotes and one final full stop. */
function tidyAnswer(text: string): string {
  let tidy = text
    .trim()
    .replace(/^[*_`"'“”]+|[*_`"'“”]+$/g, '')
    .trim();
  if (tidy.endsWith('.') && !/\d\.\d*$/.test(tidy.slice(0, -1))) tidy = tidy.slice(0, -1);
  return tidy.replace(/[*_`"'“”]+$/g, '').trim();
}

function lastSentence(text: string): string {
  const lastLine = text.trim().split('\n').at(-1) ?? '';
  const sentences = lastLine.split(/(?<=[.!?])\s+/).filter((sentence) => sentence.trim() !== '');
  return sentences.at(-1) ?? '';
}

/**
 * The final answer of a reasoning text: the line after the last `####` (GSM8K), the last `\boxed{}` (MATH), the last
 * `Answer:`, the last `the answer is`, then the last `Therefore` / `So` sentence's tail; without any, the last sentence.
 */
export function parseReasonedAnswer(full: string): ParsedAnswer {
  const text = full.slice(-maxChars);
  if (text.trim() === '') return { answer: '', by: 'none' };
  const hashes = lastMatchEnd(text, /####/g);
  if (hashes !== undefined) return { answer: tidyAnswer(lineAfter(text, hashes)), by: 'marker' };
  const boxed = lastBoxed(text);
  if (boxed !== undefined) return { answer: tidyAnswer(boxed), by: 'marker' };
  for (const marker of [/\banswer\s*(?:\*\*)?:/gi, /\banswer\s+is\b/gi]) {
    const end = lastMatchEnd(text, marker);
    const answer = end === undefined ? '' : tidyAnswer(lineAfter(text, end));
    if (answer !== '') return { answer, by: 'marker' };
  }
  const therefore = lastMatchEnd(text, /\btherefore\b,?/gi);
  if (therefore !== undefined) {
    const answer = tidyAnswer(lineAfter(text, therefore));
    if (answer !== '') return { answer, by: 'marker' };
  }
  return { answer: tidyAnswer(lastSentence(text)), by: 'last-sentence' };
}

/** The answer of a direct prompt: what follows a repeated `Answer:`, else the first line that is not empty. */
export function parseDirectAnswer(full: string): ParsedAnswer {
  const text = full.slice(0, maxChars);
  const firstLine = text.split('\n').find((line) => line.trim() !== '');
  if (firstLine === undefined) return { answer: '', by: 'none' };
  return { answer: tidyAnswer(firstLine.replace(/^\s*(?:\*\*)?answer(?:\*\*)?\s*:/i, '')), by: 'marker' };
}
