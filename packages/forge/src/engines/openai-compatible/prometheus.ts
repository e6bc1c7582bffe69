/** One line of a Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export interface MetricSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const label = /([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"/y;
const special: Readonly<Record<string, number>> = {
  '+Inf': Infinity,
  Inf: Infinity,
  '-Inf': -Infinity,
  NaN: Number.NaN,
};

/** The labels from `{` on, and where they end; undefined where the line is broken. */
function readLabels(line: string, from: number): { labels: Record<string, string>; end: number } | undefined {
  const labels: Record<string, string> = {};
  let at = from + 1;
  for (;;) {
    while (line[at] === ' ' || line[at] === ',') at++;
    if (line[at] === '}') return { labels, end: at + 1 };
    label.lastIndex = at;
    const [whole, name, value] = label.exec(line) ?? [];
    if (whole === undefined || name === undefined || value === undefined) return undefined;
    labels[name] = value.replace(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
    at += whole.length;
  }
}

/** The samples whose names are wanted; lines that cannot be read are left out. Linear in the text. */
export function parsePrometheus(text: string, wanted: ReadonlySet<string>): MetricSample[] {
  const samples: MetricSample[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const end = line.search(/[{\s]/);
    if (end <= 0 || !wanted.has(line.slice(0, end))) continue;
    const read = line[end] === '{' ? readLabels(line, end) : { labels: {}, end };
    const [number] = read === undefined ? [] : line.slice(read.end).trim().split(/\s+/);
    if (read === undefined || number === undefined || number === '') continue;
    const value = special[number] ?? Number(number);
    if (Number.isNaN(value)) continue;
    samples.push({ name: line.slice(0, end), labels: read.labels, value });
  }
  return samples;
}
