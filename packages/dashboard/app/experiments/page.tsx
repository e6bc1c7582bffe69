import type { Metadata } from 'next';
import { Suspense } from 'react';
import { ExperimentList } from '../../components/experiment-list/experiment-list.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Experiments' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <ExperimentList />
    </Suspense>
  );
}
