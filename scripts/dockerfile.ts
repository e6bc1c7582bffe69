/** One instruction, its lines joined: `COPY`, `--from=build /app /app`. */
export interface Instruction {
  readonly keyword: string;
  readonly value: string;
}
export interface Stage {
  /** An image, or the name of an earlier stage. */
  readonly from: string;
  /** Empty for one without. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, as far as deploy/Dockerfile needs: no heredocs, no ARG before FROM. Throws where a line is no instruction. */
export function stagesOf(text: string): Stage[] {
  const stages: { from: string; name: string; instructions: Instruction[] }[] = [];
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n');
  for (const line of lines.filter((one) => one.trim() !== '')) {
    const [, keyword = '', value = ''] = /^([A-Z]+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (keyword === 'FROM') {
      const [, from = '', name = ''] = /^(\S+)(?: AS (\S+))?$/.exec(value) ?? [];
      stages.push({ from, name, instructions: [] });
    } else if (keyword === '' || stages.length === 0) throw new Error(`no instruction: ${line}`);
    else stages.at(-1)?.instructions.push({ keyword, value });
  }
  return stages;
}

/** `--from=a --chown=b x y z` as its options, sources and target. */
export function copyOf(value: string) {
  const words = value.split(/\s+/);
  const options = Object.fromEntries(
    words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=') as [string, string]),
  );
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from: options.from, chown: options.chown, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** The words of an instruction in exec form, also behind the options of HEALTHCHECK. */
export const execForm = (value: string) => JSON.parse(value.slice(value.indexOf('['))) as string[];
