'use client';
import { useMutation } from '@tanstack/react-query';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { api } from '../lib/api.ts';
import { loginPath } from '../lib/login-path.ts';
import { type Role, useMay, useSession } from '../lib/session.ts';

/** What only a role may do. */
export function May({ atLeast, children }: { atLeast: Role; children: ReactNode }) {
  return useMay(atLeast) ? children : null;
}

const linkClass = 'ml-1 rounded-md px-2 py-1.5 whitespace-nowrap text-muted hover:bg-raised hover:text-ink';

/** Who is signed in, and the way out; nothing on a server that needs no token. */
export function SignedIn() {
  const session = useSession();
  const path = usePathname();
  const signOut = useMutation({
    mutationFn: api.signOut,
    // Anew, so that nothing of what was shown is left.
    onSuccess: () => location.assign('/login'),
  });
  if (session === undefined || session.access === 'open') return null;
  const { caller } = session;
  if (caller === null || caller.via !== 'session') {
    if (path === '/login') return null;
    return (
      // A whole page load: nothing of this page is kept.
      <a href={loginPath({ pathname: path, search: '' })} className={linkClass}>
        Sign in
      </a>
    );
  }
  return (
    <>
      <span
        className="ml-2 hidden max-w-48 truncate text-xs text-muted md:block"
        title={`${caller.name}, ${caller.role}`}
      >
        <span className="sr-only">Signed in: </span>
        {caller.name} ({caller.role})
      </span>
      <button type="button" disabled={signOut.isPending} onClick={() => signOut.mutate()} className={linkClass}>
        Sign out
      </button>
      {signOut.error === null ? null : (
        <span role="alert" className="text-xs text-wrong">
          {signOut.error.message}
        </span>
      )}
    </>
  );
}
