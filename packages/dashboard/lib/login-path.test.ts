import { expect, it } from 'vitest';
import { loginPath, pathAfterLogin } from './login-path.ts';

const origin = 'https://forge.example';

it('leads back to the page that asked', () => {
  const path = loginPath({ pathname: '/experiment', search: '?id=1&run=2' });
  expect(pathAfterLogin(new URL(path, origin).searchParams.get('next'), origin)).toBe('/experiment?id=1&run=2');
});

it.each([
  null,
  '//evil.example/x',
  '/\\evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  '/login?next=/login',
  'http://[',
])('never leads to another site or in a circle: %s', (next) => {
  expect(pathAfterLogin(next, origin)).toBe('/');
});
