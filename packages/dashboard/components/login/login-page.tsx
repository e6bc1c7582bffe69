'use client';
import { useMutation } from '@tanstack/react-query';
import { useSearchParams } from 'next/navigation';
import type { FormEvent } from 'react';
import { api } from '../../lib/api.ts';
import { pathAfterLogin } from '../../lib/login-path.ts';
import { useSession } from '../../lib/session.ts';
import { Labelled } from '../labelled.tsx';
import { Button, inputClass, PageTitle } from '../parts.tsx';

const code = 'rounded bg-raised px-1 font-mono wrap-anywhere';

/** A token is pasted; the server answers with a cookie that no script can read. */
export function LoginPage() {
  const next = useSearchParams().get('next');
  const session = useSession();
  const signIn = useMutation({
    mutationFn: api.signIn,
    // Anew: what the pages before were refused is not remembered.
    onSuccess: () => location.assign(pathAfterLogin(next, location.origin)),
  });

  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault();
    signIn.mutate(String(new FormData(event.currentTarget).get('token') ?? '').trim());
  }

  return (
    <div className="mx-auto max-w-md">
      <PageTitle>Sign in</PageTitle>
      {session?.access === 'open' ? (
        <p className="mb-4 rounded-lg bg-accent-soft px-4 py-2 text-accent">
          Nobody has to sign in: this server can be reached from this machine only, and no token was made.
        </p>
      ) : null}
      {session?.caller?.via === 'session' ? (
        <p className="mb-4 rounded-lg bg-accent-soft px-4 py-2 text-accent">
          {session.caller.name} is signed in ({session.caller.role}).
        </p>
      ) : null}
      <form onSubmit={submit} className="grid gap-3 rounded-lg border border-line bg-surface p-4">
        <Labelled
          label="Token"
          help="It is exchanged for a cookie and not kept in this browser."
          problem={signIn.error?.message}
          control={(ids) => (
            <input
              {...ids}
              name="token"
              type="password"
              className={inputClass}
              required
              maxLength={200}
              autoComplete="off"
              spellCheck={false}
              placeholder="forge_"
            />
          )}
        />
        <Button type="submit" look="primary" disabled={signIn.isPending || session?.access === 'open'}>
          {signIn.isPending ? 'Signing in' : 'Sign in'}
        </Button>
      </form>
      <p className="mt-4 text-muted">
        A token is made on the machine of the server:{' '}
        <code className={code}>forge token create --name NAME --role viewer</code>
      </p>
    </div>
  );
}
