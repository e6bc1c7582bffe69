import type { Metadata } from 'next';
import { Suspense } from 'react';
import { BenchmarkList } from '../../components/benchmark-list/benchmark-list.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Benchmarks' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <BenchmarkList />
    </Suspense>
  );
}
