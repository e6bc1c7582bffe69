/** Control characters, marks of direction and invisible tags: they hide text from people that a model still reads. */
const hidden = /[\p{Cc}\p{Cs}\p{Co}\u200b\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/gu;

const cut = (text: string, maxChars: number) => (text.length > maxChars ? `${text.slice(0, maxChars)} ...` : text);

/** What somebody else wrote about a tool, as one line of a prompt: a line of its own could pass for one of the dialogue. */
export const oneLine = (text: string, maxChars: number): string =>
  cut(
    text
      .slice(0, 10 * maxChars)
      .replace(/\s+/g, ' ')
      .replace(hidden, '')
      .trim(),
    maxChars,
  );

/** What a tool answered, as text that people and models see alike; lines and tabs stay. */
export const visibleText = (text: string, maxChars: number): string =>
  cut(
    text
      .slice(0, maxChars + 1)
      .replace(/\r\n?/g, '\n')
      .replace(hidden, (one) => (one === '\n' || one === '\t' ? one : '')),
    maxChars,
  );
