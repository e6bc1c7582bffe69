/** Replaces secrets, also as they look in a URL or in base64. Linear in the text for each of them. */
export function redact(text: string, secrets: readonly string[]): string {
  const spellings = secrets
    .filter((secret) => secret !== '')
    .flatMap((secret) => [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]);
  // The longest first: one secret may be part of another.
  const ordered = [...new Set(spellings)].sort((a, b) => b.length - a.length);
  return ordered.reduce((clean, secret) => clean.replaceAll(secret, '[secret]'), text);
}
