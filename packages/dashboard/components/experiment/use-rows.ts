'use client';
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { api, type RowQuery } from '../../lib/api.ts';

const pageSize = 200;

/** The page that holds a row, both from 0. */
export const pageOf = (index: number) => Math.floor(index / pageSize);

/** Pages of rows as they come into view: any place of a long run without what lies before it. */
export function useRows(runId: string, query: Omit<RowQuery, 'offset' | 'limit'>, pages: readonly number[]) {
  const results = useQueries({
    queries: pages.map((page) => ({
      queryKey: ['rows', runId, query, page],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        api.rows(runId, { ...query, offset: page * pageSize, limit: pageSize }, { signal }),
      placeholderData: keepPreviousData,
    })),
  });
  const byPage = new Map(pages.map((page, i) => [page, results[i]?.isPlaceholderData ? undefined : results[i]?.data]));
  return {
    total: results.find((result) => result.data !== undefined)?.data?.total,
    error: results.find((result) => result.error !== null)?.error ?? null,
    retry: () => {
      for (const result of results) void result.refetch();
    },
    row: (index: number) => byPage.get(pageOf(index))?.items[index % pageSize],
    /** Its place, where its page is there; -1 where not. */
    indexOf: (exampleId: string) => {
      for (const [page, data] of byPage) {
        const at = data?.items.findIndex((row) => row.exampleId === exampleId) ?? -1;
        if (at >= 0) return page * pageSize + at;
      }
      return -1;
    },
  };
}
