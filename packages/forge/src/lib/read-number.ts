/** Digits with optional thousands commas, decimals and exponent; an optional fraction or percent sign after it. */
const numberPattern =
  /(?<![\w.])(?:[-+−]|(?<!\d\s)[-+−]\s)?(?:[$€£]\s?)?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:\s?\/\s?\d+(?:\.\d+)?)?/g;

function parseNumber(text: string): number | undefined {
  const plain = text.replace(/[,$€£\s]/g, '').replace('−', '-');
  const [numerator = '', denominator] = plain.split('/');
  const value = Number(numerator) / (denominator === undefined ? 1 : Number(denominator));
  return Number.isFinite(value) ? value : undefined;
}

/**
 * The last number in a text, as GSM8K's and the usual harnesses' answer extraction take it; undefined where there is none.
 * Reads thousands commas, currency signs, decimals, exponents, simple fractions (`3/4`) and the Unicode minus. A percent sign is
 * not applied: `50 %` is 50. A minus directly after a word character is a hyphen, one with a blank on each side after a digit an
 * operator: neither is a sign.
 */
export function lastNumber(text: string): number | undefined {
  const matches = text.slice(-10_000).match(numberPattern);
  const last = matches?.at(-1);
  return last === undefined ? undefined : parseNumber(last);
}
