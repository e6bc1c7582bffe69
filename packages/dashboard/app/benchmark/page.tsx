import type { Metadata } from 'next';
import { Suspense } from 'react';
import { BenchmarkPage } from '../../components/benchmark/benchmark-page.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Benchmark' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <BenchmarkPage />
    </Suspense>
  );
}
