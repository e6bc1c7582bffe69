import type { Metadata } from 'next';
import { Suspense } from 'react';
import { Loading } from '../../components/parts.tsx';
import { TrainingPage } from '../../components/training/training-page.tsx';

export const metadata: Metadata = { title: 'Training' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <TrainingPage />
    </Suspense>
  );
}
