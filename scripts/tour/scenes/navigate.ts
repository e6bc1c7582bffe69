import type { Tour } from '../scene.ts';

/** To a page of the navigation, by a click where there is one to click. */
export async function goTo({ film, laboratory }: Tour, name: string): Promise<void> {
  if (!film.page.url().startsWith(laboratory.url)) await film.open(laboratory.url);
  await film.click(film.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }));
}

/** To an experiment, or nowhere where it is open. */
export async function openExperiment({ film, laboratory }: Tour, name: string, run?: string): Promise<void> {
  const { id, runs } = await laboratory.experiment(name);
  if (run === undefined && film.page.url().includes(id)) return;
  const chosen = runs.find(({ variant }) => variant === run);
  await film.open(`${laboratory.url}/experiment?id=${id}${chosen === undefined ? '' : `&run=${chosen.id}`}`);
}
