/** One step of a reason-and-act text: a thought, then an action or the answer. */
export type ReactStep =
  | { readonly kind: 'action'; readonly thought: string; readonly tool: string; readonly input: string }
  | { readonly kind: 'answer'; readonly thought: string; readonly answer: string }
  | { readonly kind: 'unparsable'; readonly thought: string; readonly reason: string };

/** Longest step that is looked at: bounds the work on a runaway generation. */
const maxChars = 50_000;

const isToolName = (text: string) => /^[A-Za-z][\w-]{0,63}$/.test(text);

/** Where a line begins with a marker such as `Action:`; -1 where none does. The first one counts: what follows it was not asked for. */
function markerAt(text: string, marker: string): number {
  if (text.startsWith(marker)) return 0;
  const at = text.indexOf(`\n${marker}`);
  return at < 0 ? -1 : at + 1;
}

const lineFrom = (text: string, at: number) => {
  const end = text.indexOf('\n', at);
  return text.slice(at, end < 0 ? undefined : end);
};

/** `tool[input]` on the line of the action, `tool {"key": ...}` on it and those that follow, or the bare name of a tool. */
function parseAction(thought: string, text: string): ReactStep {
  const line = lineFrom(text, 0).trim();
  const unparsable = (reason: string): ReactStep => ({ kind: 'unparsable', thought, reason });
  const bracket = line.indexOf('[');
  const brace = line.indexOf('{');
  const opening = bracket >= 0 && (brace < 0 || bracket < brace) ? bracket : brace;
  const tool = (opening < 0 ? line : line.slice(0, opening)).trim().replace(/[(:]$/, '').trim();
  if (!isToolName(tool)) return unparsable('after "Action:" stands no name of a tool');
  if (opening < 0) return { kind: 'action', thought, tool, input: '' };
  if (opening === bracket) {
    const end = line.lastIndexOf(']');
    // Without an end the rest of the line is meant.
    return { kind: 'action', thought, tool, input: line.slice(bracket + 1, end > bracket ? end : undefined).trim() };
  }
  const whole = text.slice(text.indexOf('{'));
  const end = whole.lastIndexOf('}');
  if (end < 0) return unparsable('the input of the action begins with { and has no }');
  return { kind: 'action', thought, tool, input: whole.slice(0, end + 1) };
}

/** What a model wrote up to `Observation:` or its end. Whichever of `Action:` and `Answer:` stands first counts. Linear in the length. */
export function parseStep(full: string): ReactStep {
  const text = full.slice(0, maxChars).replaceAll('\r\n', '\n').trim();
  const action = markerAt(text, 'Action:');
  const answer = markerAt(text, 'Answer:');
  const first = action < 0 ? answer : answer < 0 ? action : Math.min(action, answer);
  const thought = (first < 0 ? text : text.slice(0, first)).replace(/^Thought:\s*/, '').trim();
  if (first < 0) return { kind: 'unparsable', thought, reason: 'there is neither "Action:" nor "Answer:"' };
  const rest = text.slice(first + 'Action:'.length);
  if (first === action) return parseAction(thought, rest.trimStart());
  return { kind: 'answer', thought, answer: lineFrom(rest.trimStart(), 0).trim() };
}
