// Runs in a thread of its own: what parses markup cannot be stopped otherwise. Libraries are loaded with the first document that needs them.
import { readFile } from 'node:fs/promises';
import type { DocumentText } from './plain-text.ts';

/** The text of an HTML file; runs in the thread of documents. */
export async function html(path: string): Promise<DocumentText> {
  const { htmlText } = await import('./html-text.ts');
  return htmlText(await readFile(path));
}

/** The text of a PDF file; runs in the thread of documents. */
export async function pdf(path: string): Promise<DocumentText> {
  const { pdfText } = await import('./pdf-text.ts');
  return pdfText(new Uint8Array(await readFile(path)));
}
