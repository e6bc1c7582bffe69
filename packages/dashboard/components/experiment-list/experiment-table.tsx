import type { Experiment, ExperimentQuery } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { Button, StateBadge } from '../parts.tsx';
import { RecordName } from '../record-name.tsx';
import { ScoreBar } from '../score-bar.tsx';

type Sort = NonNullable<ExperimentQuery['sort']>;

export interface ExperimentTableProps {
  readonly items: readonly Experiment[];
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  /** Index of the row that the keyboard is on; -1: none. */
  readonly selected: number;
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (item: Experiment, on: boolean) => void;
  readonly onRestore: ((id: string) => void) | undefined;
}

const distinct = (values: readonly (string | null)[]) => [...new Set(values.filter((value) => value !== null))];
/** A model file without its folders. */
const shortModel = (model: string) => model.split('/').at(-1) ?? model;

function SortButton({
  label,
  active,
  arrow,
  onClick,
}: {
  label: string;
  active: boolean;
  arrow: string;
  onClick: () => void;
}) {
  return (
    <button type="button" className="font-medium hover:text-ink" onClick={onClick}>
      {label} <span aria-hidden="true">{active ? arrow : '↕'}</span>
    </button>
  );
}

function Scores({ item }: { item: Experiment }) {
  return (
    <ul className="grid gap-1">
      {item.runs.slice(0, 5).map((run) => (
        <li key={run.id} className="flex flex-wrap items-center gap-x-3">
          <span className="w-36 shrink-0 truncate" title={run.variant}>
            {run.variant}
          </span>
          {run.score === null ? <StateBadge state={run.status} /> : <ScoreBar estimate={run.score} />}
        </li>
      ))}
      {item.runs.length > 5 ? <li className="text-muted">and {item.runs.length - 5} more</li> : null}
    </ul>
  );
}

function Choose({ item, chosen, onChoose }: Pick<ExperimentTableProps, 'chosen' | 'onChoose'> & { item: Experiment }) {
  const finished = item.runs.filter((run) => run.status === 'finished');
  return (
    <input
      type="checkbox"
      className="size-4 accent-accent"
      aria-label={`Compare the runs of ${item.name}`}
      disabled={finished.length === 0}
      checked={finished.length > 0 && finished.every((run) => chosen.has(run.id))}
      onChange={(event) => onChoose(item, event.target.checked)}
    />
  );
}

/** A table from 640 px, cards below. */
export function ExperimentTable(props: ExperimentTableProps) {
  const { items, sort, onSort, selected, chosen, onChoose, onRestore } = props;
  const byName = sort === 'name';
  return (
    <div className="overflow-clip rounded-lg border border-line bg-surface">
      <table className="block w-full sm:table">
        <caption className="sr-only">Experiments; j and k move, Enter opens, x chooses for a comparison</caption>
        <thead className="hidden bg-raised text-left text-xs text-muted sm:table-header-group">
          <tr>
            <th scope="col" className="w-10 px-4 py-2">
              <span className="sr-only">Compare</span>
            </th>
            <th scope="col" className="px-2 py-2" aria-sort={byName ? 'ascending' : 'none'}>
              <SortButton label="Name" active={byName} arrow="↑" onClick={() => onSort(byName ? 'newest' : 'name')} />
            </th>
            <th scope="col" className="px-2 py-2 font-medium">
              Variants
            </th>
            <th scope="col" className="hidden px-2 py-2 font-medium lg:table-cell">
              Methods
            </th>
            <th scope="col" className="hidden px-2 py-2 font-medium lg:table-cell">
              Models
            </th>
            <th scope="col" className="hidden px-2 py-2 font-medium md:table-cell">
              Data
            </th>
            <th
              scope="col"
              className="px-4 py-2"
              aria-sort={sort === 'newest' ? 'descending' : sort === 'oldest' ? 'ascending' : 'none'}
            >
              <SortButton
                label="Created"
                active={!byName}
                arrow={sort === 'oldest' ? '↑' : '↓'}
                onClick={() => onSort(sort === 'newest' ? 'oldest' : 'newest')}
              />
            </th>
          </tr>
        </thead>
        <tbody className="block divide-y divide-line sm:table-row-group">
          {items.map((item, index) => (
            <tr
              key={item.id}
              data-row={index}
              aria-selected={index === selected}
              className="block px-4 py-3 align-top aria-selected:bg-accent-soft sm:table-row"
            >
              <td className="float-end sm:float-none sm:table-cell sm:px-4 sm:py-3">
                <Choose item={item} chosen={chosen} onChoose={onChoose} />
              </td>
              <td className="block sm:table-cell sm:px-2 sm:py-3">
                <RecordName path="/experiment" item={item}>
                  {onRestore === undefined ? null : <Button onClick={() => onRestore(item.id)}>Restore</Button>}
                </RecordName>
              </td>
              <td className="mt-2 block sm:mt-0 sm:table-cell sm:px-2 sm:py-3">
                <Scores item={item} />
              </td>
              <td className="hidden px-2 py-3 lg:table-cell">
                {distinct(item.runs.map((run) => run.method)).join(', ')}
              </td>
              <td className="hidden px-2 py-3 break-all lg:table-cell">
                {distinct(item.runs.map((run) => run.model))
                  .map(shortModel)
                  .join(', ')}
              </td>
              <td className="hidden px-2 py-3 md:table-cell">
                {distinct(item.runs.map((run) => run.dataset)).join(', ')}
              </td>
              <td className="mt-2 block text-muted sm:mt-0 sm:table-cell sm:px-4 sm:py-3 sm:whitespace-nowrap">
                {moment(item.createdAt)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
