import type { Scene } from '../scene.ts';
import { goTo, openExperiment } from './navigate.ts';

export const retrieval: Scene = {
  name: 'retrieval',
  title: 'Retrieval',
  seconds: 45,
  needs: ['rag-ablation'],
  async play(tour) {
    const { film } = tour;
    const { page } = film;
    await film.say('Retrieval: documents are cut, embedded and indexed on this machine. Ask all retrievers at once.');
    await goTo(tour, 'Corpora');
    await film.click(page.getByLabel('Query'));
    await film.type('What is the job of Vera Harker?');
    await film.click(page.getByRole('button', { name: 'Search', exact: true }));
    const found = page.getByRole('region', { name: 'reranked', exact: true });
    await film.wait(found.getByText('Vera Harker').first().waitFor(), 4);
    await film.say('Dense, BM25, hybrid, reranked, side by side: each passage with the score of every stage.');
    await film.scrollTo(page.getByRole('region', { name: 'dense', exact: true }), 90);
    await film.point(found.getByRole('listitem').first());
    await film.read();

    await openExperiment(tour, 'rag-ablation', 'dense');
    await film.say(
      'Does it help? 300 questions whose facts stand only in documents: an experiment of four variants tells.',
    );
    await film.point(page.getByRole('region', { name: 'Finding', exact: true }).getByText('is better than').first());
    await film.read();
    await film.say(
      'Faithfulness: every claim of an answer is held against the passages by a language inference model.',
    );
    await film.scrollTo(page.getByRole('region', { name: 'Faithfulness', exact: true }));
    await film.point(page.getByRole('region', { name: 'Faithfulness', exact: true }).getByRole('figure'));
    await film.pause(3);
    const section = page.getByRole('region', { name: 'Examples', exact: true });
    await film.scrollTo(section);
    await film.click(section.getByRole('grid').getByRole('row').nth(1));
    const drawer = page.getByRole('dialog');
    await film.wait(drawer.getByRole('heading', { name: 'Retrieved passages' }).waitFor(), 1);
    await film.say('One example: what was found, the words that the answer took, and the judgement of its claim.');
    await film.scrollTo(drawer.getByRole('heading', { name: 'Retrieved passages' }), 60);
    await film.pause(2.5);
    await film.scrollTo(drawer.getByRole('heading', { name: 'Claims against the passages' }), 300);
    await film.read();
    await film.click(drawer.getByRole('button', { name: 'Close the example' }));
  },
};

export const agent: Scene = {
  name: 'agent',
  title: 'Agents',
  seconds: 30,
  needs: ['agent'],
  async play(tour) {
    const { film, laboratory } = tour;
    const { page } = film;
    const { id, runs } = await film.cut(() => laboratory.experiment('agent'));
    const run = runs.find(({ variant }) => variant === 'agent')?.id ?? '';
    await film.open(`${laboratory.url}/experiment?id=${id}&run=${run}`);
    await film.say(
      'An agent thinks, acts with its tools, observes, and goes on. Here it has a calculator and a search.',
    );
    await film.scrollTo(page.getByRole('region', { name: 'Tool use', exact: true }));
    await film.read();
    // Both tools: a question of several turns.
    const used = await film.cut(() => laboratory.examples(run, 'right'));
    const longest = used.toSorted((a, b) => (b.toolUse?.calls.length ?? 0) - (a.toolUse?.calls.length ?? 0))[0];
    await film.open(`${laboratory.url}/experiment?id=${id}&run=${run}&example=${longest?.exampleId}`);
    const trace = page.getByRole('dialog').getByRole('region', { name: 'Agent trace' });
    await film.say('Its trace, on a timeline: when the model wrote, and when a tool worked.');
    await film.scrollTo(trace, 30);
    await film.point(trace.getByRole('list', { name: 'Timeline' }));
    await film.read();
    await film.say('The replay goes through it step by step: thought, call with its arguments, observation, answer.');
    await film.click(trace.getByRole('button', { name: 'To start' }));
    await film.pause(0.6);
    await film.click(trace.getByRole('button', { name: 'Play', exact: true }));
    await film.read();
    await film.say('What goes wrong with a tool is an observation too, counted by its kind: it never ends a run.');
    await film.read();
    await film.click(page.getByRole('dialog').getByRole('button', { name: 'Close the example' }));
  },
};
