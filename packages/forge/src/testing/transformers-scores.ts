import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('transformers-scores.py', import.meta.url));

/**
 * Summed log-probabilities (nats) of each continuation after its prompt by transformers, and PEFT where a second folder is an adapter.
 * `python` is an interpreter that has both. Rejects where it ends with an error.
 */
export async function transformersScores(
  python: string,
  folders: readonly [model: string, adapter?: string],
  texts: readonly { readonly prompt: string; readonly continuation: string }[],
): Promise<{ totals: number[]; versions: Readonly<Record<string, string>> }> {
  const stdout = await new Promise<string>((resolve, reject) => {
    const child = execFile(python, [script, ...folders.filter((folder) => folder !== undefined)], (error, out) =>
      error ? reject(error) : resolve(out),
    );
    child.stdin?.end(JSON.stringify(texts));
  });
  return JSON.parse(stdout);
}
