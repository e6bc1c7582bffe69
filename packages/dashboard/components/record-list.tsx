'use client';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { type ComponentProps, type ReactNode, useMemo, useState } from 'react';
import { moment } from '../lib/format.ts';
import { useListKeys } from '../lib/list-keys.ts';
import { EmptyState, ErrorState, Loading, LoadMore, PageTitle } from './parts.tsx';
import { RecordName } from './record-name.tsx';

type Listed = ComponentProps<typeof RecordName>['item'] & {
  /** ms since the epoch. */
  readonly createdAt: number;
};

interface RecordListProps<Item extends Listed> {
  readonly title: string;
  /** What the items are, in the plural: `trainings`. */
  readonly noun: string;
  /** The page of one: `/training`. */
  readonly path: string;
  load(query: { after?: string }, signal: { signal: AbortSignal }): Promise<{ items: Item[]; next: string | null }>;
  /** True for one that changes by itself: the list looks often. */
  goesOn(item: Item): boolean;
  /** In a line below the description: what the item is made of. */
  madeOf(item: Item): string;
  /** Between name and time. */
  readonly columns: readonly { readonly name: string; cell(item: Item): ReactNode }[];
  /** Where there is nothing yet. */
  readonly empty: { readonly title: string; readonly command: string };
}

type TableProps<Item extends Listed> = Pick<RecordListProps<Item>, 'title' | 'path' | 'madeOf' | 'columns'> & {
  readonly items: readonly Item[];
  readonly selected: number;
  readonly caption: string;
};

/** A table from 640 px, cards below. */
function RecordTable<Item extends Listed>({ items, selected, caption, path, madeOf, columns }: TableProps<Item>) {
  const cellClass = 'mt-2 block sm:mt-0 sm:table-cell sm:px-4 sm:py-3';
  return (
    <div className="overflow-clip rounded-lg border border-line bg-surface">
      <table className="block w-full sm:table">
        <caption className="sr-only">{caption}</caption>
        <thead className="hidden bg-raised text-left text-xs text-muted sm:table-header-group">
          <tr>
            {['Name', ...columns.map(({ name }) => name), 'Created'].map((name) => (
              <th key={name} scope="col" className="px-4 py-2 font-medium">
                {name}
              </th>
            ))}
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
              <td className="block sm:table-cell sm:px-4 sm:py-3">
                <RecordName path={path} item={item} />
                <span className="mt-1 block text-xs break-words text-muted">{madeOf(item)}</span>
              </td>
              {columns.map(({ name, cell }) => (
                <td key={name} className={cellClass}>
                  {cell(item)}
                </td>
              ))}
              <td className={`${cellClass} text-muted sm:whitespace-nowrap`}>{moment(item.createdAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Everything stored of one kind, newest first, page by page; j, k and Enter move and open. */
export function RecordList<Item extends Listed>(props: RecordListProps<Item>) {
  const { title, noun, path, load, goesOn, empty } = props;
  const router = useRouter();
  const [selected, setSelected] = useState(-1);
  const list = useInfiniteQuery({
    queryKey: [noun],
    queryFn: ({ pageParam, signal }) => load(pageParam === '' ? {} : { after: pageParam }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
    refetchInterval: (query) =>
      query.state.data?.pages.some((page) => page.items.some(goesOn)) === true ? 3000 : 15_000,
  });
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  useListKeys({
    count: items.length,
    selected,
    select: (index) => {
      setSelected(index);
      document.querySelector(`[data-row="${index}"]`)?.scrollIntoView({ block: 'nearest' });
    },
    open: (index) => {
      const item = items[index];
      if (item !== undefined) router.push(`${path}?id=${item.id}`);
    },
  });
  const caption = `${noun.charAt(0).toUpperCase()}${noun.slice(1)}, newest first; j and k move, Enter opens`;
  return (
    <>
      <PageTitle>{title}</PageTitle>
      {list.error === null ? null : <ErrorState error={list.error} retry={() => void list.refetch()} />}
      {list.isPending ? <Loading height={360} label={`Loading ${noun}`} /> : null}
      {list.isSuccess && items.length === 0 ? (
        <div className="rounded-lg border border-line bg-surface">
          <EmptyState title={empty.title}>
            Start one from a terminal, and watch it here:
            <code className="mt-2 block rounded-md bg-raised px-3 py-2 font-mono text-xs break-words">
              {empty.command}
            </code>
          </EmptyState>
        </div>
      ) : null}
      {items.length > 0 ? <RecordTable {...props} items={items} selected={selected} caption={caption} /> : null}
      <LoadMore list={list} />
    </>
  );
}
