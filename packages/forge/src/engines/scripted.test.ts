import { describe, expect, it } from 'vitest';
import type { GenerateRequest } from '../engine.ts';
import { engineContract } from '../testing/engine-contract.ts';
import { definition } from './scripted.ts';

const parts = { baseDir: '.', cacheDir: '.', env: {}, now: () => 0, notify: () => {} };
const make = async (given: object) => definition.create(definition.options.parse(given), parts);
const request = (prompt: string, changed: Partial<GenerateRequest> = {}): GenerateRequest => {
  return { prompt, temperature: 0, topP: 1, topK: 0, maxTokens: 50, stop: [], seed: 0, ...changed };
};

engineContract('scripted', {
  create: () =>
    make({ default: ' It is said that the answer to everything is forty two, more or less.', latencyMs: 5 }),
});

describe('scripted', () => {
  it('gives the first response whose match is in the prompt, else the default', async () => {
    const responses = [
      { match: 'France', text: 'Paris' },
      { match: 'capital', text: 'Which country?' },
    ];
    const engine = await make({ responses, default: 'I do not know' });
    const answers = ['capital of France?', 'a capital?', '(a+)+$'].map((prompt) => engine.generate(request(prompt)));
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['Paris', 'Which country?', 'I do not know']);
  });

  it('fails every nth request in the way that was asked for', async () => {
    const engine = await make({ default: 'yes', failEvery: 3, failKind: 'rate-limited' });
    const outcomes = [];
    for (let i = 0; i < 6; i++) outcomes.push(await engine.generate(request('?')).catch((error) => error.kind));
    expect(outcomes.map((outcome) => outcome.text ?? outcome)).toEqual([
      'yes',
      'yes',
      'rate-limited',
      'yes',
      'yes',
      'rate-limited',
    ]);
    expect(engine.stats?.()).toMatchObject({ requests: 6, failures: 2, completionTokens: 4 });
  });

  it('has the same fingerprint for the same script only', async () => {
    const [a, b, c] = await Promise.all([
      make({ default: 'x' }),
      make({ default: 'x', latencyMs: 9 }),
      make({ default: 'y' }),
    ]);
    expect(a?.fingerprint).toBe(b?.fingerprint);
    expect(a?.fingerprint).not.toBe(c?.fingerprint);
  });
});
