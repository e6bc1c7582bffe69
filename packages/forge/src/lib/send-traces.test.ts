import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../errors.ts';
import { startOtlpReceiver } from '../testing/otlp-receiver.ts';
import { sendTraces, traceTarget } from './send-traces.ts';

let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
beforeAll(async () => {
  receiver = await startOtlpReceiver();
});
beforeEach(() => receiver.reset());
afterAll(() => receiver.close());

const body = JSON.stringify({ resourceSpans: [] });
const now = 1_700_000_000_000;

/** Sends without waiting, and keeps how long it would have waited, ms. */
async function send(env: Record<string, string> = {}) {
  const waits: number[] = [];
  const parts = { random: () => 0.5, now: () => now, wait: async (ms: number) => void waits.push(ms) };
  const outcome = await sendTraces(traceTarget(receiver.url, env), body, parts).catch((error: unknown) => error);
  return { waits, outcome };
}

describe('traceTarget', () => {
  it('takes address and headers as the specification has them', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/base/',
      OTEL_EXPORTER_OTLP_HEADERS: ' x-Key = a%20b ,plain=1=2,',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'plain=own',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    };
    expect(traceTarget(undefined, env)).toEqual({
      url: 'https://collector/base/v1/traces',
      headers: { 'x-key': 'a b', plain: 'own' },
      timeoutMs: 500,
    });
    const own = { ...env, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other/take' };
    expect(traceTarget(undefined, own).url).toBe('http://other/take');
    expect(traceTarget('http://localhost:4318', own).url).toBe('http://localhost:4318/v1/traces');
  });

  it('does not show a header that cannot be read', () => {
    const given = () => traceTarget('http://x', { OTEL_EXPORTER_OTLP_HEADERS: 'a=1,sk-planted' });
    expect(given).toThrow('OTEL_EXPORTER_OTLP_HEADERS: entry 2 is not of the form name=value');
    expect(given).not.toThrow('sk-planted');
  });
});

describe('sendTraces', () => {
  it.each([429, 502, 503, 504])('sends again after %i, and waits as long as it was asked to', async (status) => {
    const date = new Date(now + 5000).toUTCString();
    receiver.faults.answers = [
      { status },
      { status, headers: { 'retry-after': '3' } },
      { status, headers: { 'retry-after': date } },
      { status, headers: { 'retry-after': '86400' } },
      { status, headers: { 'retry-after': 'soon' } },
    ];
    const { waits, outcome } = await send();
    expect(outcome).toEqual({ spans: 0, message: '' });
    expect(waits).toEqual([250, 3000, 5000, 60_000, 4000]);
  });

  it('gives up after six attempts, and at once where sending again would not help', async () => {
    receiver.faults.answers = Array.from({ length: 9 }, () => ({ status: 503, body: 'full' }));
    const { waits, outcome } = await send();
    expect(waits).toHaveLength(5);
    expect(outcome).toBeInstanceOf(ConfigError);
    expect(String(outcome)).toContain('it answered 503 full (after 6 attempts)');
    receiver.reset();
    receiver.faults.answers = [{ status: 400, body: 'bad' }];
    expect((await send()).waits).toEqual([]);
    // A redirect would carry the headers elsewhere.
    receiver.faults.answers = [{ status: 307, headers: { location: 'http://127.0.0.1:1/' } }];
    expect(String((await send()).outcome)).toContain('it answered 307');
  });

  it('says what was rejected, and shows no header that the receiver repeats', async () => {
    receiver.faults.rejectedSpans = 2;
    receiver.faults.rejectedBecause = 'not for sk-planted';
    const { outcome } = await send({ OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer sk-planted' });
    expect(outcome).toEqual({ spans: 2, message: 'not for [secret]' });
    receiver.faults.answers = [{ status: 200, body: '<html>' }];
    expect((await send()).outcome).toEqual({ spans: 0, message: '' });
  });

  it('goes on after a connection that broke', async () => {
    receiver.faults.breaks = 2;
    const { waits, outcome } = await send();
    expect(outcome).toEqual({ spans: 0, message: '' });
    expect(waits).toEqual([250, 500]);
  });
});
