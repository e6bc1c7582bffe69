import type { Metadata } from 'next';
import { Suspense } from 'react';
import { Loading } from '../../components/parts.tsx';
import { TrainingList } from '../../components/training-list/training-list.tsx';

export const metadata: Metadata = { title: 'Trainings' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <TrainingList />
    </Suspense>
  );
}
