/** The page where one signs in, and which leads back to where one is. */
export function loginPath({ pathname, search }: { readonly pathname: string; readonly search: string }): string {
  return `/login?next=${encodeURIComponent(pathname + search)}`;
}

/** Where to go once signed in: a page of this server, whatever the address says. */
export function pathAfterLogin(next: string | null, origin: string): string {
  if (next === null || !URL.canParse(next, origin)) return '/';
  const url = new URL(next, origin);
  return url.origin === origin && url.pathname !== '/login' ? url.pathname + url.search + url.hash : '/';
}
