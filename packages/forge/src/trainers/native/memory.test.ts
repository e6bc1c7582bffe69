import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readModelConfig } from '../../lib/model-config.ts';
import { trainingSettings } from '../../training-settings.ts';
import { checkMemory } from './memory.ts';
import { adapterParameters, layoutOf } from './parameters.ts';

const shape = await readModelConfig(resolve('models/lab'));
const settings = trainingSettings.parse({ objective: { name: 'dpo' }, batch: { size: 16 } });
const layout = layoutOf(adapterParameters(shape, settings.lora === false ? (null as never) : settings.lora));

test('what does not fit is said with what is needed, what is free and what to change', () => {
  expect(() => checkMemory(settings, shape, layout, 512, 5e8)).toThrow(
    /needs about \d+\.\d GiB and 0\.5 GiB are free: lower batch\.size \(16; raise batch\.accumulate as much\)/,
  );
});

test('longer rows need more, in attention with the square of their length', () => {
  const at = (longest: number) => checkMemory(settings, shape, layout, longest, 1e12);
  expect(at(512) - at(256)).toBeGreaterThan(2 * (at(256) - at(128)));
});
