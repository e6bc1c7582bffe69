// How much an agent's later steps prefill of what the steps before left in the engine's cache: `npm run bench:agent`.
// Runs experiments/agent.yaml (300 tool tasks, 8 agents at once) in a fresh laboratory and reads the stored calls.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExampleResult } from '../packages/forge/src/run.ts';

const root = join(import.meta.dirname, '..');
const home = mkdtempSync(join(tmpdir(), 'forge-prefill-'));

const forge = (...args: string[]) =>
  execFileSync(process.execPath, [join(root, 'packages/forge/src/cli/main.ts'), ...args], {
    cwd: root,
    env: { ...process.env, FORGE_HOME: home },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 30,
  });

const totals = { steps: 0, fresh: 0, prefilled: 0, prompt: 0, above: 0 };

function addCalls({ calls }: ExampleResult): void {
  for (const [i, call] of calls.entries()) {
    const before = calls[i - 1];
    if (before === undefined || call.cached || before.cached) continue;
    // The last token that a model writes is not in its cache.
    const left = before.usage.promptTokens + before.usage.completionTokens - 1;
    const fresh = call.usage.promptTokens - left;
    const prefilled = call.usage.promptTokens - call.usage.cachedPromptTokens;
    totals.steps++;
    totals.fresh += fresh;
    totals.prefilled += prefilled;
    totals.prompt += call.usage.promptTokens;
    if (prefilled > fresh) totals.above++;
  }
}

try {
  const { experiment } = JSON.parse(forge('run', 'experiments/agent.yaml', '--json')) as { experiment: { id: string } };
  for (const line of forge('export', experiment.id, '--calls').trim().split('\n')) {
    const row = JSON.parse(line) as ExampleResult & { type: string; variant?: string };
    if (row.type === 'result' && row.variant === 'agent') addCalls(row);
  }
  const { steps, fresh, prefilled, prompt, above } = totals;
  console.log(`later steps               ${steps}`);
  console.log(`prompt tokens             ${prompt}`);
  console.log(`new ones (the limit)      ${fresh}`);
  console.log(
    `prefilled                 ${prefilled}, ${(prefilled / fresh).toFixed(3)} of the new ones (aim: 1.1 at most)`,
  );
  console.log(`steps above their limit   ${above}`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
