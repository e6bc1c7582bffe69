/** Less than this of a secret helps nobody to find the rest. */
const leastPart = 6;

/** As it is, in a URL, in JSON, in base64 of both alphabets. */
const spellingsOf = (secret: string): string[] => {
  const padded = Buffer.from(secret).toString('base64');
  const base64 = padded.replace(/=+$/, '');
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    padded,
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
  ];
};

/** The beginning of a secret before "...": whoever shortened the text did not know that it holds one. */
function withoutCutSecret(text: string, secret: string): string {
  if (secret.length <= leastPart || !text.includes(secret.slice(0, leastPart))) return text;
  return text.replace(/(\S+)\.\.\./g, (all, word: string) => {
    const longest = Math.min(word.length, secret.length - 1);
    for (let length = longest; length >= leastPart; length--) {
      if (word.endsWith(secret.slice(0, length))) return `${word.slice(0, -length)}[secret]...`;
    }
    return all;
  });
}

/**
 * Replaces secrets, also as they look in a URL, in JSON or in base64, and where "..." stands for the rest of one. Linear in
 * the text for each of them.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const spellings = secrets.filter((secret) => secret !== '').flatMap(spellingsOf);
  // The longest first: one secret may be part of another.
  const ordered = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  const clean = ordered.reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text);
  return clean.includes('...') ? ordered.reduce(withoutCutSecret, clean) : clean;
}
