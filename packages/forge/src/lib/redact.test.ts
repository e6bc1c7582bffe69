import { expect, it } from 'vitest';
import { redact } from './redact.ts';

const secret = 'sk-"planted"/5f3e+9a==';

it.each([
  ['as it is', secret],
  ['in a URL', encodeURIComponent(secret)],
  ['in JSON', JSON.stringify(secret).slice(1, -1)],
  ['in base64', Buffer.from(secret).toString('base64')],
  ['in base64url', Buffer.from(secret).toString('base64url')],
])('finds a secret %s', (_, spelled) => {
  const clean = redact(`{"error":"you sent ${spelled}"}`, [secret]);
  expect(clean).toMatch(/^\{"error":"you sent \[secret]=*"}$/);
});

it('finds the beginning of a secret that somebody has cut off, and leaves other words before dots', () => {
  expect(redact('key Bearer sk-"plan... of', [secret])).toBe('key Bearer [secret]... of');
  expect(redact('wait... sk-"plan and sk-"... so', [secret])).toBe('wait... sk-"plan and sk-"... so');
});

it('is quick with a long text full of dots', () => {
  const text = 'sk-"plant and so on... '.repeat(5000);
  const started = process.cpuUsage();
  expect(redact(text, [secret])).toBe(text);
  expect(process.cpuUsage(started).user).toBeLessThan(2e6);
});
