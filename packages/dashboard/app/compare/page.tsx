import type { Metadata } from 'next';
import { Suspense } from 'react';
import { ComparePage } from '../../components/compare/compare-page.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Compare' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <ComparePage />
    </Suspense>
  );
}
