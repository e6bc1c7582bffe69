import type { ModelConfig } from '../../lib/model-config.ts';

/** Radians per position for each pair of a head, [headWidth / 2], as transformers computes them (modeling_rope_utils.py). */
export function rotaryFrequencies({ headWidth, ropeTheta, ropeScaling: scaling }: ModelConfig): number[] {
  const plain = Array.from({ length: headWidth / 2 }, (_, i) => ropeTheta ** ((-2 * i) / headWidth));
  if (scaling.type === 'default') return plain;
  const { factor } = scaling;
  if (scaling.type === 'linear') return plain.map((frequency) => frequency / factor);
  const { lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
  return plain.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < originalContext / high) return frequency;
    if (wavelength > originalContext / low) return frequency / factor;
    const smooth = (originalContext / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}
