'use client';
import { useInfiniteQuery } from '@tanstack/react-query';
import { api } from '../../lib/api.ts';
import { moment } from '../../lib/format.ts';
import { Button, EmptyState, ErrorState, Loading, LoadMore, Section } from '../parts.tsx';
import { PlainTable } from './plain-table.tsx';

/** What was written, spent or refused, newest first. */
export function AuditLog() {
  const log = useInfiniteQuery({
    queryKey: ['audit'],
    queryFn: ({ pageParam, signal }) => api.audit(pageParam === '' ? {} : { after: pageParam }, { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next,
  });
  const entries = log.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section
      title="Audit log"
      actions={
        <Button disabled={log.isFetching} onClick={() => void log.refetch()}>
          Refresh
        </Button>
      }
    >
      {log.error === null ? null : <ErrorState error={log.error} retry={() => void log.refetch()} />}
      {log.isPending ? <Loading height={160} label="Loading the audit log" /> : null}
      {log.isSuccess && entries.length === 0 ? (
        <EmptyState title="Nothing was written yet">
          What is created, changed, started or refused is listed here.
        </EmptyState>
      ) : null}
      {entries.length === 0 ? null : (
        <PlainTable
          caption="Audit log, newest first"
          columns={['When', 'Who', 'Action', 'Of', 'Status', 'Address']}
          rows={entries.map(({ id, at, caller, via, action, target, status, address }) => ({
            key: String(id),
            cells: [
              <span key="at" className="whitespace-nowrap text-muted">
                {moment(at)}
              </span>,
              <span key="who" className="break-words">
                {caller} <span className="text-xs text-muted">({via})</span>
              </span>,
              <span key="action" className="font-mono text-xs whitespace-nowrap">
                {action}
              </span>,
              <span key="target" className="font-mono text-xs break-all text-muted">
                {target ?? ''}
              </span>,
              <span key="status" className={status !== null && status >= 400 ? 'text-wrong' : ''}>
                {status ?? 'not ended'}
              </span>,
              <span key="address" className="font-mono text-xs text-muted">
                {address ?? ''}
              </span>,
            ],
          }))}
        />
      )}
      <LoadMore list={log} />
    </Section>
  );
}
