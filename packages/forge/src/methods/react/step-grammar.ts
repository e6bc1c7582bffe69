/**
 * GBNF of one step: a thought on one line, then an action with one of the tools, or the answer. The words `Observation:` end an
 * action because they are its stop string. A small model then cannot write a step that nobody can read, nor name a tool that
 * there is not; that it names the right one is still its own doing.
 */
export function stepGrammar(toolNames: readonly string[]): string {
  return [
    'root ::= blank thought? (action | answer)',
    'blank ::= [ \\n]?',
    'thought ::= "Thought:" line "\\n"',
    'action ::= "Action: " tool input "\\nObservation:"',
    `tool ::= ${toolNames.map((name) => JSON.stringify(name)).join(' | ')}`,
    'input ::= "[" line "]" | " {" line "}"',
    'answer ::= "Answer:" line "\\n"?',
    'line ::= [^\\n]+',
    '',
  ].join('\n');
}
