import { describe, expect, it } from 'vitest';
import { CalculationError, calculate } from './calculate.ts';
import { createRandom, pick } from './random.ts';

describe('calculate', () => {
  it.each([
    ['4821 * 37', '178377'],
    ['1 + 2 * 3 - 4 / 8', '6.5'],
    ['1 / 3 + 1 / 6', '0.5'],
    ['2 / 3', '2/3'],
    ['0.1 + 0.2', '0.3'],
    ['12345678901234567890 * 98765432109876543210', '1219326311370217952237463801111263526900'],
    ['2 ^ 100', '1267650600228229401496703205376'],
    ['2 ^ -2', '0.25'],
    ['-3 ^ 2', '-9'],
    ['(-3) ^ 2', '9'],
    ['(-1) ^ 1000000001', '-1'],
    ['2 ** 10', '1024'],
    ['7 % 3', '1'],
    ['-7 % 3', '2'],
    ['20 %', '0.2'],
    ['25!', '15511210043330985984000000'],
    ['sqrt(144)', '12'],
    ['sqrt(1/4)', '0.5'],
    ['sqrt(2)', '1.41421356237'],
    ['sqrt(10^40)', '100000000000000000000'],
    ['log(e)', '1'],
    ['log10(1000)', '3'],
    ['sin(pi / 2)', '1'],
    ['min(3, 1/2, 2)', '0.5'],
    ['max(3, 10)', '10'],
    ['gcd(84, 36)', '12'],
    ['round(7/2)', '4'],
    ['floor(-1/2)', '-1'],
    ['1,234,567 × 2 ÷ 2 − 0', '1234567'],
    ['1.5e3 + 1', '1501'],
    ['3(4 + 1)', '15'],
  ])('%s = %s', async (expression, value) => expect(await calculate(expression)).toBe(value));

  it.each([
    ['', /nothing to calculate/],
    ['2 +', /cannot be read/],
    ['1 / 0', /division by zero/],
    ['5 % 0', /division by zero/],
    ['0 ^ -1', /division by zero/],
    ['9 ^ 9 ^ 9', /too large/],
    ['10 ^ 100000', /too large/],
    ['1e999999', /too large/],
    ['100000!', /factorials go from 0 to 500/],
    ['sqrt(-1)', /root of a negative/],
    ['log(0)', /not positive/],
    ['sin(1e30)', /too large/],
    ['x + 1', /"x", which is no number, cannot be calculated/],
    ['import("fs")', /"import" is no function here/],
    ['constructor.constructor("return process")()', /cannot be (read|calculated)/],
    ['f(x) = x', /cannot be calculated/],
    ['a = 5; a', /cannot be calculated/],
    ['[1, 2]', /cannot be calculated/],
    ['"a" + 1', /cannot be calculated/],
    ['1 > 0 ? 1 : 2', /cannot be calculated/],
    ['toString(1)', /"toString" is no function here/],
    ['min()', /takes 1 to/],
    ['1 + '.repeat(200), /longer than/],
  ])('refuses %j', async (expression, message) => {
    await expect(calculate(expression)).rejects.toThrow(message);
    await expect(calculate(expression)).rejects.toThrow(CalculationError);
  });

  it('takes 10,000 generated inputs without a hang or any other error', async () => {
    const random = createRandom('calculate/fuzz');
    const parts = [
      '1',
      '23',
      '9999999999',
      '0.5',
      '1e9',
      '+',
      '-',
      '*',
      '/',
      '^',
      '%',
      '!',
      '(',
      ')',
      ',',
      ' ',
      'sqrt(',
      'log(',
      'max(',
    ];
    parts.push(
      'pi',
      'e',
      'x',
      '"',
      "'",
      '=',
      ';',
      '[',
      ']',
      '{',
      '}',
      '\n',
      '.',
      '^^',
      '1/3',
      '⁴',
      '🎉',
      'sin(',
      'mod(',
      '\\',
      'to',
      'cm',
    );
    let slowest = 0;
    await calculate('1');
    for (let i = 0; i < 10_000; i++) {
      const text = Array.from({ length: 1 + random.below(14) }, () => pick(parts, random)).join('');
      const started = performance.now();
      const value = await calculate(text).catch((error: unknown) => {
        if (!(error instanceof CalculationError)) throw new Error(`${text}: ${String(error)}`);
        return '';
      });
      slowest = Math.max(slowest, performance.now() - started);
      expect(value.length).toBeLessThan(4100);
    }
    expect(slowest).toBeLessThan(50);
  });
});
