import type { ComponentProps, ReactNode } from 'react';
import { PageLink } from './page-link.tsx';
import { StateBadge } from './parts.tsx';

interface RecordNameProps {
  /** The page of one: `/training`. */
  readonly path: string;
  readonly item: {
    readonly id: string;
    readonly name: string;
    readonly description: string;
    readonly state: ComponentProps<typeof StateBadge>['state'];
  };
  /** Beside the state. */
  readonly children?: ReactNode;
}

/** The first cell of a record in a list: its name as a link, its state, what it is. */
export function RecordName({ path, item, children }: RecordNameProps) {
  return (
    <>
      <span className="flex flex-wrap items-center gap-2">
        <PageLink href={`${path}?id=${item.id}`} className="font-medium break-words text-accent hover:underline">
          {item.name}
        </PageLink>
        <StateBadge state={item.state} />
        {children}
      </span>
      <span className="mt-1 line-clamp-2 max-w-md text-muted">{item.description}</span>
    </>
  );
}
