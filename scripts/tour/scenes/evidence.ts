import type { Scene } from '../scene.ts';
import { openExperiment } from './navigate.ts';

export const examples: Scene = {
  name: 'examples',
  title: 'Every example',
  seconds: 25,
  needs: ['quickstart'],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    await openExperiment(tour, 'quickstart');
    const section = page.getByRole('region', { name: 'Examples', exact: true });
    const drawer = page.getByRole('dialog');
    await film.scrollTo(section);
    await film.say('Behind every figure are the examples. First the wrong ones of the direct answers.');
    await film.click(section.getByRole('button', { name: 'wrong', exact: true }));
    await film.pause(0.8);
    await film.click(section.getByRole('grid').getByRole('row').nth(1));
    await film.wait(drawer.getByRole('heading', { name: 'Prompt' }).waitFor(), 1);
    await film.say('The question, the target, the answer, and the prompt just as the model read it: it guessed.');
    await film.point(drawer.getByText('Targets', { exact: true }));
    await film.pause(2);
    await film.point(drawer.getByRole('heading', { name: 'Prompt' }));
    await film.read();
    await film.click(drawer.getByRole('button', { name: 'Close the example' }));

    await film.say(
      'Now the right ones of the other variant: step by step it calculates, and the time of each part is kept.',
    );
    await film.point(section.getByLabel('Run'));
    await section.getByLabel('Run').selectOption('chain-of-thought');
    await film.pause(0.6);
    await film.click(section.getByRole('button', { name: 'right', exact: true }));
    await film.pause(0.6);
    await film.click(section.getByRole('grid').getByRole('row').nth(1));
    await film.wait(drawer.getByRole('heading', { name: 'Prompt' }).waitFor(), 1);
    await film.scrollTo(drawer.getByRole('heading', { name: 'Prompt' }), 220);
    await film.point(drawer.getByRole('heading', { name: /^Output/ }));
    await film.read();
    await film.click(drawer.getByRole('button', { name: 'Close the example' }));
  },
};

export const compare: Scene = {
  name: 'compare',
  title: 'Two runs side by side',
  seconds: 20,
  needs: ['quickstart'],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    await openExperiment(tour, 'quickstart');
    await film.say('Any runs of any experiments can be compared, example by example.');
    await film.scrollTo(page.getByRole('heading', { level: 1 }), 100);
    await film.click(page.getByRole('link', { name: 'Compare runs' }));
    const verdict = page.getByRole('region', { name: 'Verdict', exact: true });
    await film.wait(verdict.getByText('is better than').first().waitFor(), 1);
    await film.say('Which examples changed sides? One question, and what both runs made of it.');
    await film.scrollTo(verdict);
    await film.click(page.getByText(/^Better in chain-of-thought: \d+/));
    await film.click(page.getByRole('button', { name: /arithmetic-test/ }).first());
    await film.wait(page.getByText('Target:').first().waitFor(), 1);
    await film.scrollTo(page.getByText('Target:').first(), 110);
    await film.pause(3);
    await film.read();
    await film.say('Accuracy against latency: better, at a price. Whether it is worth it is for you to say.');
    await film.scrollTo(page.getByRole('region', { name: 'Differences', exact: true }));
    await film.point(page.getByRole('region', { name: 'Accuracy against latency', exact: true }).getByRole('figure'));
    await film.read();
  },
};
