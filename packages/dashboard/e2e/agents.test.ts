import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drills } from '../../forge/src/testing/drills.ts';
import type { ForgeServer } from '../../forge/src/testing/forge-server.ts';
import { browserPath } from './browser.ts';
import { expectClean, openPage } from './page-checks.ts';
import { create, type DatabaseKind, finished, openStage } from './stage.ts';

const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>`;

const agentQuestions = ['What is 17 * 23?', 'What is 7 / 0?', 'Say hello', 'Be hostile'];

/** Later turns first: the first response whose match is in the prompt is given. */
const agentResponses = [
  ['Observation: 391', `Thought: ${'I have it now. '.repeat(60)}\nAnswer: 391`],
  ['calculator takes expression', 'Thought: The name was wrong.\nAction: calculator[17 * 23]'],
  ['there is no tool "abacus"', 'Thought: Then so.\nAction: calculator {"expresion": "17 * 23"}'],
  ['17 * 23', 'Thought: An abacus would do.\nAction: abacus[17 * 23]'],
  ['7 / 0', 'Thought: I divide.\nAction: calculator[7 / 0]'],
  ['hostile', `Thought: ${hostile}\nAction: calculator[${hostile}]`],
].map(([match, text]) => ({ match, text }));

const agentExperiment = `version: 1
name: scripted-agent
dataset: { name: json-lines, path: HOME/agent.jsonl, columns: { question: question, answer: answer } }
engine: ${JSON.stringify({ name: 'scripted', latencyMs: 20, default: 'Hello there', responses: agentResponses })}
sampling: { maxTokens: 400 }
metrics: [exact-match]
variants:
  naive: { method: naive }
  agent: { method: { name: react, template: "Tools: {toolNames}\\nQuestion: {question}", tools: [calculator] } }
`;

function suite(database: DatabaseKind): void {
  let stage: Awaited<ReturnType<typeof openStage>>;
  let home: string;
  let server: ForgeServer;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    stage = await openStage(database);
    ({ home, server, browser, context } = stage);
  });
  afterAll(() => stage?.close(server));

  const open = (path: string, within = context) => openPage(within, `${server.url}${path}`);

  /** The experiment of a scripted agent, finished; the address of its run. */
  async function agentRun(): Promise<{ path: string; runs: string }> {
    const rows = agentQuestions.map((question) => JSON.stringify({ question, answer: '391' }));
    await writeFile(join(home, 'agent.jsonl'), `${rows.join('\n')}\n`);
    const { id, runs } = await create(server, agentExperiment.replace('HOME', home));
    await finished(server, id);
    return { path: `/experiment?id=${id}&run=${runs[1]?.id}`, runs: runs.map((run) => run.id).join(',') };
  }

  it('shows which tools agents called, and leads from there to the examples', async () => {
    const { path, runs } = await agentRun();
    const { page, problems } = await open(path);
    const section = page.getByRole('region', { name: 'Tool use' });
    const bars = section.getByRole('figure', { name: 'Calls by tool' });
    await bars.locator('.pick rect').first().waitFor();
    await section.getByRole('row', { name: /^agent 4 3\.00 1\.75 7 3: 2 repeats, 1 unparsable$/ }).waitFor();
    await page.getByText(/It uses [\d.]+ times the tokens \[[\d.]+, [\d.]+\]/).waitFor();
    await page.getByRole('row', { name: /^Turns per example – 3\.00$/ }).waitFor();
    await page.getByRole('row', { name: /^Tokens per correct answer – \d+$/ }).waitFor();
    await expectClean(page, problems);

    const grid = page.getByRole('grid');
    const found = page.getByRole('region', { name: 'Examples', exact: true }).getByRole('status');
    await section.getByRole('button', { name: 'bad-arguments 1' }).click();
    await page.waitForURL(/tool=calculator&toolError=bad-arguments/);
    await found.getByText('1 example', { exact: true }).waitFor();
    await grid.getByText('abacus, calculator ×2', { exact: true }).waitFor();
    await grid.getByText('! 2 failed', { exact: true }).waitFor();

    // A bar is a shortcut to the same.
    await bars.locator('.pick rect').first().click();
    await page.waitForURL((url) => url.searchParams.get('tool') === 'calculator' && !url.searchParams.has('toolError'));
    await found.getByText('3 examples').waitFor();

    await page.getByRole('combobox', { name: 'Tool' }).selectOption('');
    await page.getByRole('combobox', { name: 'Failure' }).selectOption('unparsable');
    await page.waitForURL(/toolError=unparsable/);
    await found.getByText('1 example', { exact: true }).waitFor();
    await page.reload();
    await grid.getByText('Say hello').waitFor();
    await found.getByText('1 example', { exact: true }).waitFor();
    await expectClean(page, problems);

    await page.goto(`${server.url}/compare?runs=${runs}`);
    await page.getByText(/It uses [\d.]+ times the tokens/).waitFor();
    await page.getByRole('row', { name: /^Tool calls per example – 1\.75/ }).waitFor();
    await expectClean(page, problems);
    await page.close();
  }, 120_000);

  it('replays an agent step by step, by keyboard too', async () => {
    const { path } = await agentRun();
    const { page, problems } = await open(path);
    await page.getByRole('grid').getByText('17 * 23').click();
    const trace = page.getByRole('dialog').getByRole('region', { name: 'Agent trace' });
    const bars = trace.getByRole('list', { name: 'Timeline' }).getByRole('button');
    const steps = trace.getByRole('list', { name: 'Steps' }).getByRole('listitem');
    const said = trace.getByRole('status');
    await bars.first().waitFor();
    expect(await bars.allInnerTexts()).toHaveLength(7);
    await trace.getByRole('button', { name: /turn 2 failed, bad-arguments: calculator/ }).waitFor();
    expect(await steps.count()).toBe(4);
    await steps.nth(0).getByText('The model named a tool that there is not.').waitFor();
    await steps.nth(1).getByText('"expresion": "17 * 23"').waitFor();
    await steps.nth(2).getByText('391', { exact: true }).waitFor();
    await steps
      .nth(3)
      .getByRole('button', { name: /^Show all/ })
      .click();
    await steps.nth(3).getByRole('button', { name: 'Show less' }).waitFor();
    await expectClean(page, problems);

    const slider = trace.getByRole('slider', { name: 'Step' });
    await slider.focus();
    await page.keyboard.press('Home');
    await said.getByText('Before the first step').waitFor();
    expect(await steps.count()).toBe(0);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await said.getByText('Step 2 of 4: calculator (error: bad-arguments)').waitFor();
    expect(await steps.count()).toBe(2);
    await page.waitForURL(/step=2/);
    await page.keyboard.press('Space');
    await trace.getByRole('button', { name: 'Pause' }).waitFor();
    await said.getByText('Step 3 of 4').waitFor();
    await page.keyboard.press('Space');
    await trace.getByRole('button', { name: 'Play' }).waitFor();
    await page.waitForURL(/step=3/);
    await trace.getByRole('combobox', { name: 'Speed' }).selectOption('real time');
    await trace.getByRole('button', { name: 'Play' }).click();
    await said.getByText('Step 4 of 4: answer').waitFor();
    await expectClean(page, problems);

    // An address with a step opens it, with the steps after it.
    const link = new URL(page.url());
    link.searchParams.set('step', '2');
    await page.goto(link.href);
    await trace.locator('li[aria-current=step]').getByText('bad-arguments').first().waitFor();
    expect(await steps.count()).toBe(4);
    await bars.nth(0).click();
    await page.waitForURL(/step=1/);
    // The next example begins anew.
    await page.getByRole('button', { name: 'Next example' }).click();
    await said.getByText('Step 3 of 3: stopped').waitFor();
    await trace.getByText('it made the same call again and again', { exact: false }).waitFor();
    expect(new URL(page.url()).searchParams.has('step')).toBe(false);

    await page.getByRole('button', { name: 'Close the example' }).click();
    await page.getByRole('grid').getByText('Be hostile').click();
    await trace.getByText('window.hacked=2').first().waitFor();
    expect(await page.evaluate(() => (window as { hacked?: number }).hacked)).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
    await page.close();

    const still = await browser.newContext({
      viewport: { width: 380, height: 800 },
      colorScheme: 'dark',
      reducedMotion: 'reduce',
    });
    still.setDefaultTimeout(20_000);
    const narrow = await open(`${link.pathname}${link.search}`, still);
    await narrow.page.getByRole('slider', { name: 'Step' }).waitFor();
    // Nothing moves by itself: there are steps only.
    expect(await narrow.page.getByRole('button', { name: 'Play' }).count()).toBe(0);
    await narrow.page.getByRole('button', { name: 'Step back' }).click();
    await narrow.page.getByText('Step 1 of 4: abacus (error: unknown-tool)').first().waitFor();
    await expectClean(narrow.page, narrow.problems);
    await narrow.page.goto(`${server.url}${path}`);
    await narrow.page.getByRole('figure', { name: 'Failures by kind' }).locator('svg').waitFor();
    await expectClean(narrow.page, narrow.problems);
    await still.close();
  }, 120_000);
}

describe.skipIf(browserPath === undefined)('agents in a browser', () => {
  describe('on the embedded database', () => suite('embedded'));
  describe.runIf(drills)('on Postgres', () => suite('postgres'));
});
