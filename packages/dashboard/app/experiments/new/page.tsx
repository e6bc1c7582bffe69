import type { Metadata } from 'next';
import { Suspense } from 'react';
import { NewExperiment } from '../../../components/new-experiment/new-experiment.tsx';
import { Loading, PageTitle } from '../../../components/parts.tsx';

export const metadata: Metadata = { title: 'New experiment' };

export default function Page() {
  return (
    <Suspense
      fallback={
        <>
          <PageTitle>New experiment</PageTitle>
          <Loading height={640} />
        </>
      }
    >
      <NewExperiment />
    </Suspense>
  );
}
