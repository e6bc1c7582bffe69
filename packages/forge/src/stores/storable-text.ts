/**
 * Postgres can hold neither U+0000 nor half a surrogate pair, in text or in JSONB, and models write both. They are stored
 * as U+FFFE (a code point that no text may use for itself) followed by four hex digits, and read back as they were;
 * U+FFFE itself is stored the same way. Other text is stored unchanged.
 */
const mark = '\uFFFE';
const unstorable = /\0|\uFFFE|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const escaped = /\uFFFE([0-9a-f]{4})/g;

const hexOf = (unit: string) => unit.charCodeAt(0).toString(16).padStart(4, '0');

/** Any text as Postgres can store it. */
export function encodeText(value: string): string {
  if (value.isWellFormed() && !value.includes('\0') && !value.includes(mark)) return value;
  return value.replace(unstorable, (unit) => mark + hexOf(unit));
}

/** The text that encodeText was given. */
export function decodeText(stored: string): string {
  if (!stored.includes(mark)) return stored;
  return stored.replace(escaped, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** JSON text of any value as Postgres can store it, in jsonb and in the texts taken out of it. */
export function encodeJson(value: unknown): string {
  const json = JSON.stringify(value) ?? 'null';
  // JSON.stringify writes NUL and lone surrogates as \u escapes; a pair of backslashes before the `u` is a backslash of the text.
  if (!json.includes('\\u0000') && !json.includes('\\ud') && !json.includes(mark)) return json;
  return json.replace(/\\(?:u(0000|d[89a-f][0-9a-f]{2})|.)|\uFFFE/g, (all, hex: string | undefined) =>
    all === mark ? `${mark}fffe` : hex === undefined ? all : mark + hex,
  );
}

/** The value that encodeJson was given, from the JSON text that Postgres holds. */
export function decodeJson(stored: string): unknown {
  return JSON.parse(stored.includes(mark) ? stored.replace(escaped, '\\u$1') : stored);
}
