// Measures everything that README.md shows and holds it against what is written there: `npm run reproduce` (some 40 minutes on two
// cores), `npm run reproduce -- --resume` to go on with what the last one measured. Writes the tables of README.md and docs/report.
// Ends with 1 where a claim that was settled has another verdict than before.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CheckedFinding } from '../packages/forge/src/check-finding.ts';
import { formatDuration } from '../packages/forge/src/lib/format.ts';
import {
  findingsFiles,
  findingsTable,
  type RecordedFindings,
  recordedFile,
  root,
  sourcesOf,
} from './recorded-findings.ts';

const { values } = parseArgs({ options: { resume: { type: 'boolean', default: false } } });
const home = join(root, 'build/reproduce');
const started = performance.now();

/** Runs the command line as a user would; progress goes to the terminal, what it prints comes back. */
function forge(...args: string[]): { code: number; printed: string } {
  const { status, stdout } = spawnSync(process.execPath, ['packages/forge/src/cli/main.ts', ...args], {
    cwd: root,
    env: { ...process.env, FORGE_HOME: home },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  return { code: status ?? 1, printed: stdout };
}

/** 4 and 5 are verdicts; anything else is not. */
async function check(): Promise<CheckedFinding[]> {
  const files = (await findingsFiles()).map(({ file }) => file);
  const { code, printed } = forge('findings', 'check', ...files, '--json');
  if (![0, 4, 5].includes(code)) throw new Error(`forge findings check ended with ${code}`);
  return JSON.parse(printed) as CheckedFinding[];
}

const verdicts = (findings: readonly CheckedFinding[]) =>
  new Map(findings.flatMap(({ claims }) => claims.map(({ claim, verdict }) => [claim, verdict])));

/** Claims that were settled and have another verdict now, in words. What was inconclusive may be settled by another machine. */
function changes(before: RecordedFindings | null, now: readonly CheckedFinding[]): string[] {
  const known = verdicts(before?.findings ?? []);
  return [...verdicts(now)].flatMap(([claim, verdict]) => {
    const earlier = known.get(claim);
    return earlier === undefined || earlier === 'inconclusive' || earlier === verdict
      ? []
      : [`${claim}: ${verdict}, recorded as ${earlier}`];
  });
}

function write(name: string, content: string): void {
  const file = join(root, 'README.md');
  const text = readFileSync(file, 'utf8');
  const block = new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- end of ${name} -->`);
  if (!block.test(text)) throw new Error(`README.md has no place for ${name}`);
  writeFileSync(
    file,
    text.replace(block, () => `<!-- ${name} -->\n\n${content}\n\n<!-- end of ${name} -->`),
  );
}

function recorded(): RecordedFindings | null {
  try {
    return JSON.parse(readFileSync(recordedFile, 'utf8')) as RecordedFindings;
  } catch {
    return null;
  }
}

if (!values.resume) rmSync(home, { recursive: true, force: true });
const before = recorded();
const findings = await check();
const ids = [...new Set(findings.map(({ measured }) => measured.id))];
const { code } = forge('report', ...ids, '--output', 'docs/report', '--title', 'What the lab model shows');
if (code !== 0) throw new Error(`forge report ended with ${code}`);
rmSync(join(root, 'docs/report/report.html'));
const quickstart = findings.find(({ measured }) => measured.name === 'quickstart');
if (quickstart === undefined) throw new Error('no finding speaks of experiments/quickstart.yaml');
write('quickstart', `\`\`\`\n${forge('show', quickstart.measured.id).printed.trimEnd()}\n\`\`\``);
write('findings', findingsTable(findings));
const seconds = Math.round((performance.now() - started) / 1000);
const machine = `${cpus().length} cores (${cpus()[0]?.model})`;
const record: RecordedFindings = { sources: await sourcesOf(), machine, findings };
writeFileSync(recordedFile, `${JSON.stringify(record, null, 2)}\n`);
console.log(`README.md and docs/report are written, after ${formatDuration(1000 * seconds)} on ${machine}`);
const changed = changes(before, findings);
for (const one of changed) console.error(one);
if (changed.length > 0) process.exitCode = 1;
else
  console.log(
    before === null ? 'nothing was recorded before' : 'every claim that was settled has the verdict that was recorded',
  );
