/** ASCII punctuation, as Python's string.punctuation. */
const punctuation = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;

/**
 * Python's str.split(): runs of its whitespace, which has the separators U+001C to U+001F and U+0085 beside Unicode's blanks, and
 * lacks the byte-order mark that JavaScript's \s has.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what Python counts as blanks.
const whitespace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;

/** Python's \b around an article: word characters are Unicode letters, digits and underscore. */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

const joinedWords = (text: string) => text.replace(whitespace, ' ').replace(/^ | $/g, '');

/** normalize_answer of the official SQuAD v1.1 evaluation script: lower case, no punctuation, no articles, single blanks. */
export function normalizeSquad(text: string): string {
  return joinedWords(text.toLowerCase().replace(punctuation, '').replace(articles, ' '));
}

/**
 * normalize_answer of the official TriviaQA evaluation script: underscores become blanks, punctuation (with four quote
 * characters) becomes blanks rather than nothing, articles go, single blanks.
 */
export function normalizeTriviaqa(text: string): string {
  const blanks = text
    .replaceAll('_', ' ')
    .toLowerCase()
    .replace(/[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~‘’´`]/g, ' ');
  return joinedWords(blanks.replace(articles, ' '));
}

/** The words of a text, as Python's str.split() cuts them. */
export const wordsOf = (text: string) => text.split(whitespace).filter((word) => word !== '');

export const normalizations = {
  squad: normalizeSquad,
  triviaqa: normalizeTriviaqa,
  none: (text: string) => text,
} as const;
