import type { Metadata } from 'next';
import { Suspense } from 'react';
import { ExperimentPage } from '../../components/experiment/experiment-page.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Experiment' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <ExperimentPage />
    </Suspense>
  );
}
