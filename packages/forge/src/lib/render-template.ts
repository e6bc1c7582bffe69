const placeholder = /\{([a-z][A-Za-z]*)\}/g;

/** The placeholder names in a template, in order of appearance. */
export function placeholdersOf(template: string): string[] {
  return [...template.matchAll(placeholder)].map((match) => match[1] as string);
}

/**
 * Fills `{name}` placeholders. A line that holds only one placeholder is left out where its value is empty, so one
 * template serves questions with and without a context. Values are inserted as they are, never read as templates.
 */
export function renderTemplate(template: string, values: Readonly<Record<string, string>>): string {
  const lines: string[] = [];
  for (const line of template.split('\n')) {
    const only = /^\{([a-z][A-Za-z]*)\}$/.exec(line)?.[1];
    if (only !== undefined && values[only] === '') continue;
    lines.push(line.replace(placeholder, (whole, name: string) => values[name] ?? whole));
  }
  return lines.join('\n');
}
