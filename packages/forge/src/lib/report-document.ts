import { markdownTable } from './format.ts';
import { inertMarkdown } from './inert-markdown.ts';
import { escapeXml } from './svg-picture.ts';

/** A part of a report, written as Markdown and as HTML. Texts may come from models, names and files: both forms leave them inert. */
export type Block =
  | { readonly kind: 'heading'; readonly level: 1 | 2; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly header: readonly string[]; readonly rows: readonly (readonly string[])[] }
  /** `file`: the name of the SVG beside the Markdown. */
  | { readonly kind: 'figure'; readonly title: string; readonly file: string; readonly svg: string };

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

function markdownOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${inertMarkdown(oneLine(block.text))}`;
    case 'text':
      return inertMarkdown(oneLine(block.text));
    case 'list':
      return block.items.map((item) => `- ${inertMarkdown(oneLine(item))}`).join('\n');
    case 'table':
      return inertMarkdown(markdownTable(block.header, block.rows));
    case 'figure':
      return `![${inertMarkdown(oneLine(block.title))}](${block.file})`;
  }
}

/** The blocks as Markdown; figures by their file names. */
export const reportMarkdown = (blocks: readonly Block[]): string => `${blocks.map(markdownOf).join('\n\n')}\n`;

const cells = (row: readonly string[], tag: 'td' | 'th') =>
  row
    .map((cell, i) =>
      tag === 'th' || i === 0
        ? `<th scope="${tag === 'th' ? 'col' : 'row'}">${escapeXml(cell)}</th>`
        : `<td>${escapeXml(cell)}</td>`,
    )
    .join('');

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level}>${escapeXml(block.text)}</h${block.level}>`;
    case 'text':
      return `<p>${escapeXml(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${escapeXml(item)}</li>`).join('')}</ul>`;
    case 'table':
      return `<div class="wide" tabindex="0" role="region" aria-label="table"><table><thead><tr>${cells(block.header, 'th')}</tr></thead><tbody>${block.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table></div>`;
    case 'figure': {
      const data = Buffer.from(block.svg).toString('base64');
      return `<figure><img alt="${escapeXml(block.title)}" src="data:image/svg+xml;base64,${data}"></figure>`;
    }
  }
}

const style = `:root{color-scheme:light dark;--paper:#fff;--ink:#16191d;--muted:#525a66;--line:#d9dde3;--raised:#f5f6f8}@media (prefers-color-scheme:dark){:root{--paper:#12151b;--ink:#eceff4;--muted:#a5aebb;--line:#333944;--raised:#1b2028}}body{margin:0 auto;padding:2rem 1rem 4rem;max-width:60rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}h2{margin-top:3rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}p,li{overflow-wrap:anywhere}.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.875rem}th,td{border:1px solid var(--line);padding:.35rem .6rem;text-align:left;font-variant-numeric:tabular-nums}th,td{white-space:nowrap}thead th{background:var(--raised)}tbody th{font-weight:600}figure{margin:1.5rem 0}img{max-width:100%;height:auto;border:1px solid var(--line);border-radius:.4rem}`;

/** One file with everything in it: no script, no request. */
export const reportHtml = (title: string, blocks: readonly Block[]): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeXml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${blocks.map(htmlOf).join('\n')}
</main>
</body>
</html>
`;
