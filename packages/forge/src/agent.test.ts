import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentSteps } from './lib/agent-trace.ts';
import type { ExampleResult } from './run.ts';
import type { RunSummary } from './summarize-run.ts';
import { forge } from './testing/forge-process.ts';
import { root } from './testing/lab-encoders.ts';
import { startOpenAiStub } from './testing/openai-stub-server.ts';

interface Finding {
  readonly experiment: { id: string };
  readonly runs: { run: { variant: string; status: string }; summary: RunSummary }[];
  readonly comparisons: { candidate: string; verdict: string; test: { adjustedPValue: number; pValue: number } }[];
  readonly tokens: { candidate: string; ratio: { value: number; low: number; high: number } }[];
}
interface ExportedRow extends ExampleResult {
  readonly type: string;
  readonly variant: string;
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'forge-agent-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

interface RunOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

async function run(name: string, source: string, { args = [], cwd = root, env = {} }: RunOptions = {}) {
  const file = join(dir, `${name}.yaml`);
  await writeFile(file, source);
  const options = { cwd, env: { FORGE_HOME: join(dir, 'home'), ...env } };
  const { code, stdout, stderr } = await forge(['run', file, '--json', ...args], options);
  expect(stderr).not.toContain('forge:');
  expect(code).toBe(0);
  const finding = JSON.parse(stdout) as Finding;
  const exported = await forge(['export', finding.experiment.id, '--calls'], options);
  const rows = exported.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ExportedRow)
    .filter(({ type }) => type === 'result');
  const printed = [stdout, stderr, exported.stdout].join('\n');
  return {
    finding,
    rows,
    printed,
    show: (...more: string[]) => forge(['show', finding.experiment.id, ...more], options),
  };
}

/**
 * Of the calls after an agent's first: prompt tokens that the call before cannot have left in the cache (the last token that a
 * model writes is not in it either), and those that were prefilled.
 */
function prefillOf(rows: readonly ExportedRow[]) {
  let [fresh, prefilled] = [0, 0];
  for (const { calls } of rows) {
    for (const [i, call] of calls.entries()) {
      const before = calls[i - 1]?.usage;
      if (before === undefined || call.cached) continue;
      fresh += call.usage.promptTokens - (before.promptTokens + before.completionTokens - 1);
      prefilled += call.usage.promptTokens - call.usage.cachedPromptTokens;
    }
  }
  return { fresh, prefilled };
}

describe('experiments/agent.yaml', () => {
  it('solves four of five tool tasks that need tools, and beats direct answers', async () => {
    const source = await readFile(join(root, 'experiments/agent.yaml'), 'utf8');
    const { finding, rows } = await run('agent', source, { args: ['--sample', '60'] });
    expect(finding.runs.map(({ run: { variant } }) => variant)).toEqual(['naive', 'chain-of-thought', 'rag', 'agent']);
    const agent = finding.runs.at(-1)?.summary;
    expect(agent?.metrics['exact-match']?.value).toBeGreaterThanOrEqual(0.8);
    expect(agent?.tools).toMatchObject({ examples: 60, byTool: { calculator: {}, search: {} } });
    expect(finding.runs[0]?.summary.tools).toBeNull();
    expect(finding.comparisons.find(({ candidate }) => candidate === 'agent')?.verdict).toBe('better');
    for (const { test } of finding.comparisons) expect(test.adjustedPValue).toBeGreaterThanOrEqual(test.pValue);
    expect(finding.tokens.find(({ candidate }) => candidate === 'agent')?.ratio.low).toBeGreaterThan(2);
    // What the calculator says is what is right: the tools were really asked.
    const sums = rows.filter(({ variant, exampleId }) => variant === 'agent' && exampleId.startsWith('calculator'));
    expect(sums.length).toBeGreaterThan(10);
    for (const { steps, scores, targets } of sums) {
      if (scores['exact-match'] === 1)
        expect(agentSteps(steps)[0]).toMatchObject({ tool: 'calculator', text: targets[0] });
    }
    // A step goes on from what the last one left in the cache.
    const { fresh, prefilled } = prefillOf(rows.filter(({ variant }) => variant === 'agent'));
    expect(fresh).toBeGreaterThan(1000);
    expect(prefilled / fresh).toBeLessThanOrEqual(1.05);
  }, 180_000);
});

describe('an agent whose steps go wrong', () => {
  const turns = [
    // The latest observation first: the first that the prompt contains decides what the model says next.
    ['expected string', 'Answer: 42'],
    ['write either', '\nAction: calculator {"expression": 7}'],
    ['there is no tool', '\nI do not know.'],
    ['error: ', '\nAction: wipe[disk]'],
    ['Question:', 'Thought: hm.\nAction: calculator[1 / 0]'],
  ];
  const source = JSON.stringify({
    version: 1,
    name: 'stumbling',
    dataset: { name: 'lab-world', split: 'calculator' },
    sample: 5,
    engine: { name: 'scripted', responses: turns.map(([match, text]) => ({ match, text })) },
    metrics: ['exact-match', { name: 'trajectory', mustNotCall: ['wipe'] }],
    method: { name: 'react', tools: ['calculator'] },
  });

  it('counts every error, shows it in the trace, and ends no run', async () => {
    const { finding, rows, show } = await run('stumbling', source);
    const { summary } = finding.runs[0] as Finding['runs'][number];
    expect(summary).toMatchObject({ n: 5, failed: { total: 0 } });
    expect(summary.tools).toEqual({
      examples: 5,
      turns: 25,
      calls: 15,
      failed: 20,
      byTool: { calculator: { calls: 10, errors: { 'bad-arguments': 5, failed: 5 } } },
      byError: { 'bad-arguments': 5, failed: 5, 'unknown-tool': 5, unparsable: 5 },
      byLimit: {},
    });
    expect(rows[0]?.answer).toBe('42');
    expect(rows[0]?.steps.find(({ kind }) => kind === 'trajectory')?.text).toBe('wipe was called');
    const shown = await show('--examples', 'react', '--tool', 'calculator', '--tool-error', 'failed', '--limit', '2');
    expect(shown.stdout.match(/calculator-/g)).toHaveLength(2);
    const one = await show('--examples', 'react', '--example', rows[0]?.exampleId ?? '');
    expect(one.stdout).toMatch(/1\. \+0 ms .*calculator {"expression":"1 \/ 0"} \[failed]/);
    expect(one.stdout).toMatch(/2\. .*wipe "disk" \[unknown-tool]/);
    const wrong = await show('--examples', 'react', '--tool-error', 'angry');
    expect(wrong.stderr).toMatch(/--tool-error angry: no such kind; unknown-tool, bad-arguments/);
  }, 60_000);
});

describe('an agent on a server with tool calling', () => {
  interface Message {
    readonly role: string;
    readonly content: string | null;
    readonly tool_calls?: unknown;
    readonly tool_call_id?: string;
  }

  /** Calls a tool with the numbers of the question, then answers what the tool said. */
  function reply(messages: readonly Message[]) {
    const last = messages.at(-1);
    if (last?.role === 'tool') return { message: { content: `Answer: ${last.content}` }, finish_reason: 'stop' };
    const [a, b] = /Question: What is (\S+) [-+*] (\S+)\?/.exec(last?.content ?? '')?.slice(1) ?? [];
    const call = { name: 'calculator', arguments: JSON.stringify({ expression: `${a} * 0 + ${b}` }) };
    return {
      message: { content: null, tool_calls: [{ id: 'call-1', type: 'function', function: call }] },
      finish_reason: 'tool_calls',
    };
  }

  it('calls its tools and sends back what they said; stored answers serve it again', async () => {
    const bodies: { messages: Message[]; tools: unknown }[] = [];
    const stub = await startOpenAiStub({
      answer: ({ body }) => {
        bodies.push(body as unknown as (typeof bodies)[number]);
        const choices = [{ index: 0, ...reply(bodies.at(-1)?.messages ?? []) }];
        const usage = { prompt_tokens: 30, completion_tokens: 10, total_tokens: 40 };
        return { contentType: 'application/json', body: JSON.stringify({ choices, usage }) };
      },
    });
    const rows = join(dir, 'sums.jsonl');
    await writeFile(
      rows,
      '{"question":"What is 12 + 30?","answer":"30"}\n{"question":"What is 5 * 7?","answer":"7"}\n',
    );
    const source = (name: string) =>
      JSON.stringify({
        version: 1,
        name,
        dataset: { name: 'json-lines', path: rows },
        engine: { name: 'openai-compatible', baseUrl: stub.baseUrl, model: 'm', stream: false },
        metrics: ['exact-match'],
        method: { name: 'react', calling: 'native', tools: ['calculator'] },
      });
    const first = await run('native', source('native'));
    const again = await run('native-again', source('native-again'));
    await stub.close();
    for (const { rows: results } of [first, again]) {
      expect(results.map(({ answer, scores }) => [answer, scores['exact-match']])).toEqual([
        ['30', 1],
        ['7', 1],
      ]);
      expect(agentSteps(results[0]?.steps ?? [])[0]).toMatchObject({
        tool: 'calculator',
        arguments: { expression: '12 * 0 + 30' },
      });
    }
    expect(again.finding.runs[0]?.summary).toMatchObject({ calls: 4, cachedCalls: 4 });
    expect(bodies).toHaveLength(4);
    expect(bodies[0]?.tools).toMatchObject([
      { type: 'function', function: { name: 'calculator', parameters: { type: 'object' } } },
    ]);
    const second = bodies.find(({ messages }) => messages.at(-1)?.content === '30')?.messages;
    expect(second?.slice(1)).toMatchObject([
      { role: 'assistant', content: null, tool_calls: [{ id: 'call-1', function: { name: 'calculator' } }] },
      { role: 'tool', tool_call_id: 'call-1', content: '30' },
    ]);
  }, 60_000);
});

describe('a secret that a tool was given', () => {
  const secret = 'planted-5f3e9a-secret';

  /** The files below a folder that hold a text, whatever they are. */
  async function filesWith(folder: string, text: string): Promise<string[]> {
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const found: string[] = [];
    for (const file of files.filter((one) => one.isFile())) {
      const path = join(file.parentPath, file.name);
      if ((await readFile(path)).includes(text)) found.push(path);
    }
    return found;
  }

  it('is in no prompt, no row, no export, no log and no file', async () => {
    const folder = join(dir, 'leaky');
    await mkdir(join(folder, 'tools'), { recursive: true });
    await writeFile(
      join(folder, 'tools/leak.ts'),
      `export default {
        name: 'leak',
        description: \`tells \${process.env.PLANTED_KEY} and \${process.env.UNLISTED_KEY}\`,
        call: () => \`the key: \${process.env.PLANTED_KEY}, all: \${JSON.stringify(process.env)}\`,
      };`,
    );
    const source = JSON.stringify({
      version: 1,
      name: 'leaky',
      dataset: { name: 'lab-world', split: 'calculator' },
      sample: 3,
      engine: {
        name: 'scripted',
        responses: [
          { match: 'the key: [secret]', text: '\nAnswer: the key was hidden' },
          { match: 'the key:', text: '\nAnswer: the key was shown' },
        ],
        default: '\nAction: leak[]',
      },
      metrics: ['exact-match'],
      method: { name: 'react', tools: [{ name: 'typescript-file', path: 'tools/leak.ts', env: ['PLANTED_KEY'] }] },
    });
    const env = { PLANTED_KEY: secret, UNLISTED_KEY: 'unlisted-secret', FORGE_HOME: join(folder, 'home') };
    const { rows, printed } = await run('leaky', source, { cwd: folder, env });
    expect(rows.map(({ answer }) => answer)).toEqual(Array(3).fill('the key was hidden'));
    expect(rows[0]?.calls[0]?.prompt).toContain('tells [secret] and undefined');
    for (const planted of [secret, 'unlisted-secret']) {
      expect(printed).not.toContain(planted);
      expect(await filesWith(folder, planted)).toEqual([]);
    }
    // The search itself finds what is there.
    expect((await filesWith(folder, 'the key: [secret]')).length).toBeGreaterThan(0);
  }, 60_000);
});
