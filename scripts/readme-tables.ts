// Runs the experiments whose results README.md shows, and writes their tables there: `npm run tables`.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verdictSentence } from '../packages/forge/src/compare-runs.ts';
import type { Finding } from '../packages/forge/src/read-finding.ts';

const root = join(import.meta.dirname, '..');
const readme = join(root, 'README.md');

const percent = ({ value, low, high }: { value: number; low: number; high: number }) =>
  `${(100 * value).toFixed(1)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;

function table(finding: Finding): string {
  const metrics = [...new Set(finding.runs.flatMap(({ spec }) => spec.metrics.map(({ name }) => name)))];
  const lines = finding.runs.map(({ run, summary }) => {
    const figures = metrics.map((name) => {
      const estimate = summary?.metrics[name];
      return estimate === undefined ? '' : percent(estimate);
    });
    const latency = summary?.latencyMs == null ? '' : `${summary.latencyMs.p50.value.toFixed(0)} ms`;
    const tokens =
      summary?.tokens.perCorrect == null ? '' : Math.round(summary.tokens.perCorrect).toLocaleString('en-US');
    return `| ${[run.variant, summary?.n, ...figures, latency, tokens].join(' | ')} |`;
  });
  return [
    `| variant | n | ${metrics.map((name) => `${name}, %`).join(' | ')} | latency p50 | tokens per right answer |`,
    `|---|${'---:|'.repeat(metrics.length + 3)}`,
    ...lines,
    '',
    ...finding.comparisons.map((comparison) => `- ${verdictSentence(comparison)}`),
  ].join('\n');
}

/** The text between the marks of an experiment; the hash of its configuration is in the first of them. */
function replaced(text: string, name: string, hash: string, content: string): string {
  const block = new RegExp(`<!-- ${name} [0-9a-f]* -->[\\s\\S]*?<!-- end of ${name} -->`);
  if (!block.test(text)) throw new Error(`README.md has no place for ${name}`);
  return text.replace(block, () => `<!-- ${name} ${hash.slice(0, 12)} -->\n\n${content}\n\n<!-- end of ${name} -->`);
}

const home = mkdtempSync(join(tmpdir(), 'forge-tables-'));
try {
  for (const name of ['rag-ablation', 'agent']) {
    const main = join(root, 'packages/forge/src/cli/main.ts');
    const printed = execFileSync(process.execPath, [main, 'run', `experiments/${name}.yaml`, '--json'], {
      cwd: root,
      env: { ...process.env, FORGE_HOME: home },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 28,
    });
    const finding = JSON.parse(printed) as Finding;
    writeFileSync(readme, replaced(readFileSync(readme, 'utf8'), name, finding.experiment.configHash, table(finding)));
    console.log(`README.md: ${name}`);
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}
