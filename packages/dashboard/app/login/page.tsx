import type { Metadata } from 'next';
import { Suspense } from 'react';
import { LoginPage } from '../../components/login/login-page.tsx';
import { Loading } from '../../components/parts.tsx';

export const metadata: Metadata = { title: 'Sign in' };

export default function Page() {
  return (
    <Suspense fallback={<Loading height={240} />}>
      <LoginPage />
    </Suspense>
  );
}
