import { z } from 'zod';

/** Metres, kilograms and seconds in one of each unit. */
const units = {
  length: { mm: 0.001, cm: 0.01, m: 1, km: 1000, in: 0.0254, ft: 0.3048, yd: 0.9144, mi: 1609.344 },
  mass: { g: 0.001, kg: 1, t: 1000, oz: 0.028349523125, lb: 0.45359237 },
  time: { s: 1, min: 60, h: 3600, d: 86_400 },
};

const names = Object.values(units).flatMap((family) => Object.keys(family));
const input = z.object({
  value: z.number().describe('How many'),
  from: z.enum(names).describe('The unit that it is in'),
  to: z.enum(names).describe('The unit that is wanted'),
});

export default {
  name: 'convert-units',
  description: 'Converts lengths, masses and times, e.g. {"value": 3, "from": "mi", "to": "km"} is 4.828032 km.',
  arguments: input,
  call({ value, from, to }: z.infer<typeof input>): string {
    const family = Object.values(units).find((one) => from in one) as Record<string, number>;
    const [size, wanted] = [family[from], family[to]];
    // What is thrown is told to the model, which may try again.
    if (size === undefined || wanted === undefined) throw new Error(`${from} and ${to} do not measure the same thing`);
    return `${Number(((value * size) / wanted).toPrecision(12))} ${to}`;
  },
};
