'use client';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import type { ComponentProps } from 'react';

/** A link whose page is fetched when somebody is about to follow it, not when it comes into view: the first page stays small. */
export function PageLink({ href, ...rest }: Omit<ComponentProps<typeof Link>, 'href'> & { href: string }) {
  const router = useRouter();
  const fetchPage = () => router.prefetch(href);
  return <Link {...rest} href={href} prefetch={false} onMouseEnter={fetchPage} onFocus={fetchPage} />;
}
