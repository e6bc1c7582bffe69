import type { Metadata } from 'next';
import { Suspense } from 'react';
import { CorporaPage } from '../../components/corpora/corpora-page.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Corpora' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={600} />}>
      <CorporaPage />
    </Suspense>
  );
}
