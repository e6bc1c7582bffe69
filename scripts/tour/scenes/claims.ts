import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Scene } from '../scene.ts';
import { cardUrl } from '../stage-pages.ts';
import { openTerminal } from '../terminal.ts';

const root = join(import.meta.dirname, '..', '..', '..');

export const commands: Scene = {
  name: 'commands',
  title: 'Findings that can be checked',
  seconds: 38,
  needs: ['quickstart'],
  async play(tour) {
    const { film, laboratory, output } = tour;
    const { page } = film;
    const { id } = await film.cut(() => laboratory.experiment('quickstart'));
    // Its first characters are enough, as long as no other one begins with them.
    const shortId = id.slice(0, 13);
    const terminal = await openTerminal(tour);
    await film.say('A finding is code: a file states the claims and the plan, and a command gives each a verdict.');
    await terminal.run(['findings', 'check', 'findings/chain-of-thought.yaml'], 6);
    await film.read();
    await film.say('Its exit code lets CI notice the day on which a claim no longer holds.');
    await film.read();
    await film.say('Reproduce: the stored experiment runs again, without the cache, and every difference is told.');
    await terminal.run(['reproduce', shortId], 5);
    await film.say('Models, data and engine are pinned: where nothing differs, it is the same bit for bit.');
    await film.read();
    const folder = join(output, 'report');
    await film.say('And a report: one HTML file with figures, and Markdown, for those who have no dashboard.');
    await terminal.run(['report', shortId, '--output', folder], 3);
    await film.read();
    const file = (await readdir(join(root, folder))).find((name) => name.endsWith('.html')) ?? '';
    await film.open(pathToFileURL(join(root, folder, file)).href);
    await film.say('The report: the same sentences, intervals and figures.');
    await film.scrollTo(page.getByRole('table').last(), 300);
    await film.read();
  },
};

export const end: Scene = {
  name: 'end',
  title: 'Your turn',
  seconds: 8,
  needs: [],
  async play({ film }) {
    await film.open(cardUrl);
    await film.page.evaluate(
      ([title, text, code]) => (window as unknown as { card(...parts: string[]): void }).card(title, text, code),
      [
        'Two commands',
        'Node 20 or newer is all it takes.',
        'npm start     # the quickstart, its finding, the dashboard\nnpm test      # the tests',
      ] as const,
    );
    await film.say('Two commands: one shows it, the other tests it. LLM Forge is free software (Apache-2.0).');
    await film.read();
    await film.pause(1);
  },
};
