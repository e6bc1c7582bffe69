'use client';
import { usePathname } from 'next/navigation';
import { useEffect, useRef } from 'react';
import { CommandPaletteButton } from './command-palette.tsx';
import { PageLink } from './page-link.tsx';
import { May, SignedIn } from './signed-in.tsx';
import { ThemeButton } from './theme-button.tsx';

const pages = [
  { href: '/', label: 'Home' },
  { href: '/experiments', label: 'Experiments' },
  { href: '/trainings', label: 'Training' },
  { href: '/benchmarks', label: 'Benchmarks' },
  { href: '/compare', label: 'Compare' },
  { href: '/corpora', label: 'Corpora' },
  { href: '/system', label: 'System' },
];

const linkClass =
  'rounded-md px-1.5 py-1.5 text-muted sm:px-2.5 hover:bg-raised hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent';

export function Navigation() {
  const path = usePathname();
  const list = useRef<HTMLDivElement>(null);
  // On a narrow screen the list scrolls: the page that is open must not be out of sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another path marks another link.
  useEffect(() => {
    list.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [path]);
  return (
    <header className="sticky top-0 z-30 border-b border-line bg-surface">
      <nav aria-label="Main" className="mx-auto flex h-14 max-w-[1560px] items-center gap-1 px-2 sm:px-6">
        <PageLink href="/" className="mr-3 hidden font-semibold tracking-tight sm:block">
          LLM Forge
        </PageLink>
        <div ref={list} className="flex min-w-0 items-center gap-1 overflow-x-auto">
          {pages.map(({ href, label }) => (
            <PageLink key={href} href={href} aria-current={path === href ? 'page' : undefined} className={linkClass}>
              {label}
            </PageLink>
          ))}
          {/* Pages of their own, outside of the dashboard. */}
          <a href="/guide" className={linkClass}>
            Guide
          </a>
        </div>
        <span className="grow" />
        <May atLeast="editor">
          <PageLink
            href="/experiments/new"
            className="mr-1 rounded-md bg-accent px-2.5 py-1.5 whitespace-nowrap font-medium text-accent-ink hover:opacity-90"
          >
            <span aria-hidden="true">+ </span>
            <span className="sr-only sm:not-sr-only">New experiment</span>
          </PageLink>
        </May>
        <span className="hidden sm:block">
          <CommandPaletteButton />
        </span>
        <ThemeButton />
        <SignedIn />
      </nav>
    </header>
  );
}
