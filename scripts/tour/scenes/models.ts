import type { Scene } from '../scene.ts';
import { goTo } from './navigate.ts';

export const training: Scene = {
  name: 'training',
  title: 'Training',
  seconds: 40,
  needs: ['training'],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    await goTo(tour, 'Training');
    await film.say(
      'Training: the model’s own right and wrong answers become preference pairs, and DPO learns from them.',
    );
    await film.wait(page.getByRole('link', { name: 'dpo-lab' }).first().waitFor(), 1);
    await film.pause(1.5);
    await film.click(page.getByRole('link', { name: 'dpo-lab' }).first());
    await film.wait(page.getByRole('heading', { level: 1, name: 'dpo-lab finished' }).waitFor(), 1);
    await film.say('It was trained here, without Python. Before and after are compared like any two variants.');
    await film.point(page.getByRole('region', { name: 'Finding', exact: true }).getByRole('listitem').first());
    await film.read();
    await film.say('What got worse is said as plainly as what got better.');
    await film.point(page.getByRole('heading', { name: 'What did not work' }));
    await film.read();
    await film.say(
      'Curves of every run, live while it trains: loss, margin, accuracy, learning rate, tokens per second.',
    );
    await film.scrollTo(page.getByRole('region', { name: 'Curves', exact: true }));
    await film.read();
    await film.say(
      'Before and after on every metric, with intervals and p values. It solves what it could not solve before.',
    );
    await film.scrollTo(page.getByRole('region', { name: 'Before and after', exact: true }));
    await film.read();
    await film.say('The ablation: what each setting changes, with its interval, over the seeds that were trained.');
    await film.scrollTo(page.getByRole('region', { name: 'Ablation', exact: true }));
    const metric = page.getByRole('combobox', { name: 'Metric' });
    await film.point(metric);
    await metric.selectOption('numeric-match on arithmetic');
    await film.read();
  },
};

export const benchmark: Scene = {
  name: 'benchmark',
  title: 'Benchmarks of inference',
  seconds: 26,
  needs: ['benchmark'],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    await film.say('Benchmarks: methods times optimisations, each cell with a process of its own.');
    await goTo(tour, 'Benchmarks');
    await film.wait(page.getByRole('link', { name: 'bench-lab' }).first().waitFor(), 1);
    await film.click(page.getByRole('link', { name: 'bench-lab' }).first());
    await film.wait(page.getByRole('heading', { level: 1, name: 'bench-lab finished' }).waitFor(), 1);
    await film.say('What to take: for people who wait, for much work, and for little money.');
    await film.scrollTo(page.getByRole('region', { name: 'Recommendations', exact: true }), 300);
    await film.read();
    await film.say(
      'How much faster, with intervals, and whether the answers stayed the same: that is tested, not assumed.',
    );
    await film.scrollTo(page.getByRole('region', { name: 'Speed-up', exact: true }));
    await film.read();
    await film.say('The Pareto frontier: what nothing else beats in accuracy, latency and cost, and how sure that is.');
    await film.scrollTo(page.getByRole('region', { name: 'Pareto frontier', exact: true }));
    await film.pause(3);
    await film.point(page.getByRole('combobox', { name: 'Against' }));
    await page.getByRole('combobox', { name: 'Against' }).selectOption('cost');
    await film.read();
  },
};
