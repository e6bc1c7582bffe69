import { Marked } from 'marked';

/** A code block of a guide: ```yaml my-question.yaml is a file, ```bash needs Docker a command that does not run everywhere. */
export interface GuideBlock {
  readonly language: string;
  /** The name of the file, or what the commands need; empty where they run on any machine, offline. */
  readonly caption: string;
  readonly text: string;
}

export function guideBlocks(markdown: string): GuideBlock[] {
  return new Marked().lexer(markdown).flatMap((token) => {
    if (token.type !== 'code') return [];
    const [language = '', ...caption] = (token.lang ?? '').split(' ');
    return [{ language, caption: caption.join(' '), text: token.text }];
  });
}

/** The words of a line as a shell would split it: quotes kept together, comments left out. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const [, single, double, plain] of line.matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)) {
    if (plain?.startsWith('#')) break;
    words.push(single ?? double ?? plain ?? '');
  }
  return words;
}

/** What `npm run forge -- ...` lines give to forge. */
export const forgeCommands = ({ text }: GuideBlock): string[][] =>
  text
    .split('\n')
    .map(shellWords)
    .filter((words) => words.slice(0, 4).join(' ') === 'npm run forge --')
    .map((words) => words.slice(4));
