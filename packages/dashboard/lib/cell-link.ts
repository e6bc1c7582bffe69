import type { MatrixCell } from './api.ts';

/** Where the examples of a cell are: its first run in the experiment. */
export const cellLink = (experimentId: string, { runIds }: Pick<MatrixCell, 'runIds'>) =>
  `/experiment?id=${experimentId}${runIds[0] === undefined ? '' : `&run=${runIds[0]}`}`;
