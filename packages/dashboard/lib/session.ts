'use client';
import { useQuery } from '@tanstack/react-query';
import { api, type Session } from './api.ts';

export type Role = NonNullable<Session['caller']>['role'];

const order: readonly Role[] = ['viewer', 'editor', 'admin'];

/** Who one is here; undefined until the server has said so. */
export function useSession(): Session | undefined {
  return useQuery({
    queryKey: ['session'],
    queryFn: ({ signal }) => api.session({ signal }),
    staleTime: 60_000,
  }).data;
}

/**
 * Whether to offer what needs a role. It decides nothing: the server does. As long as it has not said who one is, everything
 * is offered, so that pages do not jump on servers that need no token.
 */
export function useMay(role: Role): boolean {
  const session = useSession();
  if (session === undefined) return true;
  return session.caller !== null && order.indexOf(session.caller.role) >= order.indexOf(role);
}
