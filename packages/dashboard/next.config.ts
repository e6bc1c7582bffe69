import { join } from 'node:path';
import type { NextConfig } from 'next';

const dev = process.env.NODE_ENV === 'development';

const config: NextConfig = {
  // Static files that any server can serve: `forge serve` does, with the API beside them. See docs/decisions/0005-static-dashboard.md.
  ...(dev
    ? {
        // `next dev` beside a running `forge serve`.
        rewrites: async () => [{ source: '/api/:path*', destination: 'http://127.0.0.1:4040/api/:path*' }],
      }
    : { output: 'export' as const }),
  turbopack: { root: join(import.meta.dirname, '..', '..') },
  // `npm run check` checks the types of the whole repository.
  typescript: { ignoreBuildErrors: true },
  poweredByHeader: false,
  reactStrictMode: true,
};

export default config;
