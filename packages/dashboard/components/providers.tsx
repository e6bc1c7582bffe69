'use client';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { ApiError } from '../lib/api.ts';
import { loginPath } from '../lib/login-path.ts';

/** A session that has ended, or none: the page where one signs in leads back here. */
function signInWhereNeeded(error: unknown): void {
  if (!(error instanceof ApiError) || error.status !== 401 || location.pathname === '/login') return;
  location.assign(loginPath(location));
}

export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(
    () =>
      new QueryClient({
        queryCache: new QueryCache({ onError: signInWhereNeeded }),
        mutationCache: new MutationCache({ onError: signInWhereNeeded }),
        defaultOptions: {
          queries: {
            staleTime: 2000,
            // A request that was refused is refused again; a server that restarts comes back.
            retry: (count, error) =>
              (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) && count < 5,
            retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 4000),
          },
        },
      }),
  );
  return <QueryClientProvider client={client}>{children}</QueryClientProvider>;
}
