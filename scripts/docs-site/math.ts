import type { TokenizerAndRendererExtension, Tokens } from 'marked';
import temml from 'temml';

/** TeX as MathML. The styles that Temml writes into attributes are in text.css: the server's policy allows no inline ones. */
function mathMl(tex: string, displayMode: boolean): string {
  return temml.renderToString(tex, { displayMode, throwOnError: true }).replace(/ style="[^"]*"/g, '');
}

const tokenOf = (type: string, found: RegExpExecArray | null): Tokens.Generic | undefined =>
  found === null ? undefined : { type, raw: found[0], tex: found[1] };

/** `$$ ... $$` by itself, and `$...$` within a line, as GitHub shows them. */
export const mathExtensions: TokenizerAndRendererExtension[] = [
  {
    name: 'mathBlock',
    level: 'block',
    start: (source) => source.indexOf('$$'),
    tokenizer: (source) => tokenOf('mathBlock', /^\$\$\s*([^$]+?)\s*\$\$(?:\n|$)/.exec(source)),
    renderer: ({ tex }) =>
      `<div class="scroll formula" tabindex="0" role="group" aria-label="Formula">${mathMl(tex, true)}</div>\n`,
  },
  {
    name: 'mathInline',
    level: 'inline',
    start: (source) => source.indexOf('$'),
    tokenizer: (source) => tokenOf('mathInline', /^\$(?![\s$])([^$\n]*[^$\n\s])\$(?!\d)/.exec(source)),
    renderer: ({ tex }) => mathMl(tex, false),
  },
];
