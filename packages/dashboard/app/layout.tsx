import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { Navigation } from '../components/navigation.tsx';
import { Providers } from '../components/providers.tsx';
import './globals.css';

export const metadata: Metadata = {
  title: { default: 'LLM Forge', template: '%s · LLM Forge' },
  description: 'A laboratory for LLM methods.',
};

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        <script src="/theme.js" />
      </head>
      <body className="min-h-dvh font-sans text-sm antialiased">
        <a
          href="#main"
          className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-accent focus:p-2 focus:text-accent-ink"
        >
          Skip to the content
        </a>
        <Providers>
          <Navigation />
          <main id="main" className="mx-auto w-full max-w-[1560px] px-4 pt-6 pb-16 sm:px-6">
            {children}
          </main>
        </Providers>
      </body>
    </html>
  );
}
