import type { Scene } from '../scene.ts';
import { cardUrl } from '../stage-pages.ts';
import { goTo, openExperiment } from './navigate.ts';

export const home: Scene = {
  name: 'home',
  title: 'LLM Forge',
  seconds: 20,
  needs: ['rag-ablation', 'agent'],
  async play({ film, laboratory }) {
    const { page } = film;
    await film.open(cardUrl);
    await page.evaluate(
      ([title, text]) => (window as unknown as { card(...parts: string[]): void }).card(title, text, ''),
      [
        'LLM Forge',
        'A laboratory for LLM methods:\na YAML file goes in, a finding with error bars comes out.',
      ] as const,
    );
    await film.say('Does a method help? By how much, and how sure is it? LLM Forge measures it and says so.');
    await film.read();
    await film.open(laboratory.url);
    await film.say('All of this is real and offline: the bundled model of 2 million parameters, no key, no GPU.');
    await film.point(page.getByText('Model calls'));
    await film.pause(2);
    await film.point(page.getByRole('region', { name: 'Latest findings' }).getByRole('listitem').first());
    await film.say('Home shows what runs, the latest findings in a sentence, and every score with its interval.');
    await film.pause(2);
    await film.point(page.getByRole('region', { name: 'Recent experiments' }).getByRole('listitem').first());
    await film.read();
  },
};

export const create: Scene = {
  name: 'create',
  title: 'A new experiment',
  seconds: 45,
  needs: [],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    const editor = page.locator('.cm-content');
    await film.say(
      'A new experiment starts from an example. Form and YAML are one text: what changes here changes there.',
    );
    await goTo(tour, 'New experiment');
    await film.wait(page.getByText('Valid: 2 variants').waitFor(), 2);
    await film.point(page.getByLabel('Description'));
    await film.pause(2);
    await film.point(editor);
    await film.read();

    await film.say('While you type, the text is checked, and an error names the line, the value and what is allowed.');
    await film.click(editor.locator('.cm-line', { hasText: 'split: arithmetic' }));
    await film.press('End');
    await film.press('Backspace', 4);
    await film.wait(page.getByRole('status').filter({ hasText: 'split' }).waitFor(), 2);
    await film.point(page.getByRole('status').filter({ hasText: 'split' }));
    await film.read();
    await film.say('Corrected, it is valid again.');
    await film.type('etic');
    await film.wait(page.getByText('Valid: 2 variants').waitFor(), 2);
    await film.read();

    await film.highlight(async () => {
      await film.say(
        'The plan says what it will cost before anything is spent, and how small a difference could be found.',
      );
      await film.click(page.getByLabel('Sample size'));
      await film.press('ControlOrMeta+a');
      await film.type('40');
      await film.wait(page.getByRole('row', { name: /^chain-of-thought 40/ }).waitFor(), 3);
      await film.point(page.getByRole('row', { name: /^chain-of-thought/ }));
      await film.pause(1);
    });
    await film.read();
    await film.say(
      'With 40 questions, differences from 31 points on would be found four times out of five; with 200, from 14 on.',
    );
    await film.click(page.getByLabel('Sample size'));
    await film.press('ControlOrMeta+a');
    await film.type('200');
    await film.wait(page.getByRole('row', { name: /^chain-of-thought 200/ }).waitFor(), 3);
    await film.point(page.getByRole('row', { name: /^chain-of-thought/ }));
    await film.read();
    await film.say('Four examples of each variant tell how long it will take.');
    await film.click(page.getByRole('button', { name: 'Measure with 4 examples' }));
    await film.wait(page.getByText('Measured on 4 examples').waitFor(), 6);
    await film.point(page.getByRole('row', { name: /^Total/ }));
    await film.read();
  },
};

export const run: Scene = {
  name: 'run',
  title: 'It runs',
  seconds: 27,
  needs: [],
  makes: 'quickstart',
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    if (!page.url().includes('/experiments/new')) {
      await goTo(tour, 'New experiment');
      await page.getByText('Valid: 2 variants').waitFor();
    }
    await film.say('Start. The question: does thinking step by step help on word problems the model has never seen?');
    const ended = page.getByRole('heading', { level: 1, name: 'quickstart finished' });
    await film.click(page.getByRole('button', { name: 'Start', exact: true }));
    // To open the model takes a moment; a fast machine may be at the end by then.
    const begun = page.locator('[role=progressbar]:not([aria-valuenow="0"])').or(ended).first();
    await film.wait(begun.waitFor(), 3);
    await film.highlight(async () => {
      await film.glance(page.getByRole('progressbar').first());
      await film.pause(4);
    });
    await film.say('Every example is stored as it finishes: Ctrl-C, a crash or kill -9 lose nothing, and it goes on.');
    await film.glance(page.getByRole('progressbar').nth(1));
    await film.read();
    await film.say('There is no verdict before the end: who looks early finds differences that are not there.');
    await film.point(page.getByRole('region', { name: 'Finding', exact: true }));
    await film.read();
    await film.wait(ended.waitFor({ timeout: 180_000 }), 4);
    await film.wait(page.getByText('is better than').first().waitFor(), 1);
  },
};

export const verdict: Scene = {
  name: 'verdict',
  title: 'The finding',
  seconds: 25,
  needs: ['quickstart'],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    await openExperiment(tour, 'quickstart');
    const finding = page.getByRole('region', { name: 'Finding', exact: true });
    await film.highlight(async () => {
      await film.say('The verdict in one sentence: how much better, with its interval, the test and its p value.');
      await film.point(finding.getByText('is better than').first());
      await film.pause(3.5);
    });
    await film.read();
    await film.say('Both variants answered the same 200 questions, so they are compared question by question.');
    await film.point(finding.getByText('Pairs'));
    await film.read();
    await film.say('What it costs stands beside it: slower, and more tokens, with intervals too.');
    await film.point(finding.getByText('Per example it is'));
    await film.read();
    await film.say('Scores, latencies and every other figure follow; all of them can be taken along as SVG or CSV.');
    await film.scrollTo(page.getByRole('region', { name: 'Scores', exact: true }));
    await film.point(page.getByRole('region', { name: 'Scores', exact: true }).getByRole('figure'));
    await film.pause(1.5);
    await film.scrollTo(page.getByRole('region', { name: 'Figures', exact: true }));
    await film.read();
  },
};
