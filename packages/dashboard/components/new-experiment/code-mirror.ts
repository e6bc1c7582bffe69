import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { yaml } from '@codemirror/lang-yaml';
import { HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { type Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { Annotation, EditorState } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { tags } from '@lezer/highlight';

export interface EditorProblem {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

export interface EditorHandle {
  update(value: string, problems: readonly EditorProblem[]): void;
  focusAt(position: number): void;
  destroy(): void;
}

const fromOutside = Annotation.define<boolean>();

const theme = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'var(--surface)', color: 'var(--text)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  '.cm-scroller': { fontFamily: 'var(--font-mono, ui-monospace, Menlo, Consolas, monospace)', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': {
    backgroundColor: 'var(--surface-raised)',
    color: 'var(--text-muted)',
    borderRight: '1px solid var(--line)',
  },
  '.cm-activeLine, .cm-activeLineGutter': {
    backgroundColor: 'color-mix(in srgb, var(--surface-raised) 60%, transparent)',
  },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft)',
  },
  '.cm-tooltip': { backgroundColor: 'var(--surface-raised)', color: 'var(--text)', border: '1px solid var(--line)' },
});

const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--accent)' },
  { tag: [tags.string, tags.content, tags.attributeValue], color: 'var(--text)' },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: 'var(--warning)' },
  { tag: [tags.comment, tags.meta], color: 'var(--text-muted)', fontStyle: 'italic' },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: 'var(--text-muted)' },
]);

function diagnosticsOf(state: EditorState, problems: readonly EditorProblem[]): Diagnostic[] {
  return problems.map(({ line, message }) => {
    const { from, to, text } = state.doc.line(Math.min(Math.max(1, line), state.doc.lines));
    return { from: from + (text.length - text.trimStart().length), to, message, severity: 'error' };
  });
}

/** The part of the text that differs, so that the cursor and the history outlive an edit by the form. */
function difference(was: string, is: string) {
  const shorter = Math.min(was.length, is.length);
  let from = 0;
  while (from < shorter && was[from] === is[from]) from++;
  let end = 0;
  while (end < shorter - from && was[was.length - 1 - end] === is[is.length - 1 - end]) end++;
  return { from, to: was.length - end, insert: is.slice(from, is.length - end) };
}

/** Tab is not bound: it leaves the editor. */
export function createEditor(
  parent: HTMLElement,
  options: { value: string; label: string; describedBy: string; onChange: (value: string) => void },
): EditorHandle {
  // Texts that were handed out and have not come back: React may bring an older one after the next letter was typed.
  let handedOut: string[] = [];
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.value,
      extensions: [
        lineNumbers(),
        highlightActiveLineGutter(),
        lintGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        highlightActiveLine(),
        yaml(),
        syntaxHighlighting(highlight),
        theme,
        keymap.of([...defaultKeymap, ...historyKeymap]),
        EditorView.contentAttributes.of({
          'aria-label': options.label,
          'aria-describedby': options.describedBy,
          spellcheck: 'false',
          tabindex: '0',
        }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged || update.transactions.some((one) => one.annotation(fromOutside))) return;
          const text = update.state.doc.toString();
          handedOut.push(text);
          options.onChange(text);
        }),
      ],
    }),
  });
  return {
    update(value, problems) {
      const was = view.state.doc.toString();
      const known = handedOut.lastIndexOf(value);
      handedOut = handedOut.slice(known + 1);
      if (was !== value && known < 0)
        view.dispatch({ changes: difference(was, value), annotations: fromOutside.of(true), scrollIntoView: false });
      view.dispatch(setDiagnostics(view.state, diagnosticsOf(view.state, problems)));
    },
    focusAt(position) {
      view.focus();
      view.dispatch({ selection: { anchor: Math.min(position, view.state.doc.length) } });
    },
    destroy: () => view.destroy(),
  };
}
