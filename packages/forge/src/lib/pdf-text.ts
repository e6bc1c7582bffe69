import { getDocumentProxy } from 'unpdf';
import { ConfigError, messageOf } from '../errors.ts';
import type { DocumentText } from './plain-text.ts';

/** A piece of text at a place of a page. https://github.com/mozilla/pdf.js/blob/master/src/display/api.js (TextItem) */
interface TextItem {
  readonly str: string;
  readonly hasEOL: boolean;
  readonly height: number;
  readonly transform: readonly number[];
}

interface Line {
  readonly text: string;
  readonly height: number;
  /** From the bottom of the page. */
  readonly y: number;
}

function linesOf(items: readonly TextItem[]): Line[] {
  const lines: Line[] = [];
  let texts: string[] = [];
  let first: TextItem | undefined;
  const end = () => {
    if (first !== undefined)
      lines.push({ text: texts.join('').trim(), height: first.height, y: first.transform[5] ?? 0 });
    texts = [];
    first = undefined;
  };
  for (const item of items) {
    texts.push(item.str);
    if (item.str.trim() !== '') first ??= item;
    if (item.hasEOL) end();
  }
  end();
  return lines;
}

/** Lines that follow each other closely in one size of type are a paragraph. */
function continues(before: Line, line: Line): boolean {
  const gap = before.y - line.y;
  return gap >= 0 && gap < 1.7 * line.height && Math.abs(before.height - line.height) < 0.1 * line.height;
}

/** A new line would end a sentence, so the lines of a paragraph become one; words cut at the end of a line are whole again. */
function pageText(items: readonly TextItem[]): string {
  let text = '';
  let before: Line | undefined;
  for (const line of linesOf(items)) {
    if (before === undefined) text = line.text;
    else if (!continues(before, line)) text += `\n${line.text}`;
    else if (/\p{L}[-\u00ad]$/u.test(before.text) && /^\p{Ll}/u.test(line.text)) text = text.slice(0, -1) + line.text;
    else text += ` ${line.text}`;
    before = line;
  }
  return text;
}

const openPdf = (bytes: Uint8Array) =>
  getDocumentProxy(bytes, { verbosity: 0, useSystemFonts: false, disableFontFace: true }).catch((error: Error) => {
    if (error.name === 'PasswordException')
      throw new ConfigError('an encrypted PDF; remove its password, or leave it out of the corpus');
    throw new ConfigError(`a broken PDF: ${messageOf(error)}`);
  });

async function pagesOf(pdf: Awaited<ReturnType<typeof openPdf>>): Promise<string[]> {
  const pages: string[] = [];
  for (let number = 1; number <= pdf.numPages; number++) {
    try {
      const page = await pdf.getPage(number);
      pages.push(pageText((await page.getTextContent()).items as TextItem[]));
      page.cleanup();
    } catch (error) {
      throw new ConfigError(`a broken PDF: page ${number}: ${messageOf(error)}`);
    }
  }
  return pages.filter((page) => page !== '');
}

/** The text of a PDF page by page; the title is that of its metadata. */
export async function pdfText(bytes: Uint8Array): Promise<DocumentText> {
  const pdf = await openPdf(bytes);
  try {
    const text = (await pagesOf(pdf)).join('\n');
    if (text === '')
      throw new ConfigError(
        `a PDF of ${pdf.numPages} pages without text: are they scanned images? Run OCR over it, or leave it out of the corpus`,
      );
    const { info } = await pdf.getMetadata().catch(() => ({ info: {} }));
    const { Title } = info as { Title?: unknown };
    return { title: typeof Title === 'string' ? Title : '', text };
  } finally {
    await pdf.loadingTask.destroy();
  }
}
