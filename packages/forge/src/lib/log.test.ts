import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions, secretsIn, withLogFields } from './log.ts';

function logOf(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createLog({ format: 'json', level: 'info', write, now: () => 0, secrets: [], ...options });
  return { log, lines, objects: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('a log', () => {
  it('writes one JSON object a line, whatever is in the texts', () => {
    const { log, lines, objects } = logOf();
    log.info('two\nlines "quoted"', { error: new Error('no'), big: 10n, nothing: undefined });
    log.debug('too low');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
    expect(objects()[0]).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      message: 'two\nlines "quoted"',
      error: expect.stringMatching(/^Error: no\n/),
      big: '10',
    });
  });

  it('has the fields of the work it belongs to, in whatever is awaited, and of no other', async () => {
    const { log, objects } = logOf();
    await Promise.all(
      ['a', 'b'].map((requestId) =>
        withLogFields({ requestId }, async () => {
          await new Promise((resolve) => setTimeout(resolve, 2));
          log.error(`of ${requestId}`);
        }),
      ),
    );
    log.info('outside');
    expect(objects().map(({ message, requestId }) => [message, requestId])).toEqual([
      ['of a', 'a'],
      ['of b', 'b'],
      ['outside', undefined],
    ]);
  });

  it('never has a secret in it, in messages, fields and nested ones, in both formats', () => {
    const secret = 'p"ss/word 123';
    const secrets = secretsIn({
      HF_TOKEN: secret,
      DATABASE_URL: 'postgres://me:pa%20ss-word@host/db',
      PATH: '/usr/bin',
      SHORT_KEY: 'abc',
    });
    expect(secrets.sort()).toEqual(['p"ss/word 123', 'pa ss-word', 'pa%20ss-word']);
    for (const format of ['json', 'human'] as const) {
      const { log, lines } = logOf({ secrets, format });
      log.warn(`message ${secret} ${encodeURIComponent(secret)}`, { deep: [{ url: 'x pa%20ss-word' }] });
      const text = lines.join('');
      for (const spelled of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), 'pa%20ss-word'])
        expect(text).not.toContain(spelled);
      expect(text).toContain('[secret]');
    }
  });
});
