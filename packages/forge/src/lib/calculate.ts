import type { BigNumber, FactoryFunctionMap, Fraction, MathJsInstance, MathNode } from 'mathjs';
import { lazy } from './lazy.ts';

/** Exact as long as it can be; digits where a root or a logarithm makes it irrational. */
type Value = { readonly exact: Fraction } | { readonly digits: BigNumber };

type Mathjs = MathJsInstance;

/** What cannot be calculated, in words for a model. */
export class CalculationError extends Error {
  override readonly name = 'CalculationError';
}

const maxLength = 500;
const maxNodes = 200;
/** Of a whole number that comes out: more say nothing, and cost time. */
const maxDigits = 2000;
const maxFactorial = 500n;
/** Of what is shown, where it is not exact. */
const shownDigits = 12;
/** Decimals that are shown in full: 0.125, but 1/3. */
const maxDecimals = 20;

/** Rounded to digits, by mathjs. */
const roundedFunctions = ['exp', 'log', 'log10', 'log2', 'sin', 'cos', 'tan', 'atan'] as const;
/** Their value may be larger than the number, or mean nothing for a large one. */
const largestArgument = 1e6;

const digitsOf = (value: bigint) => value.toString().length;
const greatestDivisor = (a: bigint, b: bigint): bigint => (b === 0n ? a : greatestDivisor(b, a % b));

/** The root of a whole number, where it is one itself. */
function wholeRoot(value: bigint): bigint | undefined {
  let root = BigInt(Math.floor(Math.sqrt(Number(value))));
  // Newton's steps, as large numbers are rounded above.
  for (let i = 0; i < 2000 && root > 0n; i++) {
    const next = (root + value / root) / 2n;
    if (next === root || next === root + 1n) break;
    root = next;
  }
  for (const near of [root - 1n, root, root + 1n]) if (near >= 0n && near * near === value) return near;
  return undefined;
}

/** Arithmetic on values, every size bounded. */
function arithmetic(mathjs: Mathjs) {
  function exact(value: Fraction | bigint): Value {
    const one = typeof value === 'bigint' ? mathjs.fraction(value, 1n) : value;
    if (digitsOf(one.n) > maxDigits || digitsOf(one.d) > maxDigits)
      throw new CalculationError('the number is too large');
    return { exact: one };
  }
  function rounded(digits: BigNumber): Value {
    if (!digits.isFinite()) throw new CalculationError('not a finite number');
    return { digits };
  }
  function digits(value: Value): BigNumber {
    if ('digits' in value) return value.digits;
    const { s, n, d } = value.exact;
    return mathjs.bignumber((s * n).toString()).div(mathjs.bignumber(d.toString()));
  }
  function whole(value: Value): bigint {
    if (!('exact' in value) || value.exact.d !== 1n) throw new CalculationError('a whole number is needed here');
    return value.exact.s * value.exact.n;
  }
  const isZero = (value: Value) => ('exact' in value ? value.exact.n === 0n : value.digits.isZero());
  function nonZero(value: Value): Value {
    if (isZero(value)) throw new CalculationError('division by zero');
    return value;
  }
  const binary = (name: 'add' | 'sub' | 'mul' | 'div') => (a: Value, b: Value) =>
    'exact' in a && 'exact' in b ? exact(a.exact[name](b.exact)) : rounded(digits(a)[name](digits(b)));
  const [add, subtract, multiply, divide] = [binary('add'), binary('sub'), binary('mul'), binary('div')];
  const toWhole = (name: 'floor' | 'ceil' | 'round') => (a: Value) =>
    'exact' in a ? exact(a.exact[name]()) : exact(BigInt(a.digits[name]().toFixed(0)));

  function power(base: Value, exponent: Value): Value {
    if (!('exact' in base && 'exact' in exponent && exponent.exact.d === 1n)) {
      const [b, e] = [digits(base), digits(exponent)];
      if (b.isNegative() || e.abs().gt(1000)) throw new CalculationError('this power cannot be calculated');
      return rounded(b.pow(e));
    }
    const times = whole(exponent);
    if (times < 0n) nonZero(base);
    // 1, 0 and -1 stay as small as they are.
    if (base.exact.n <= 1n && base.exact.d === 1n)
      return times % 2n === 0n && times !== 0n ? multiply(base, base) : times === 0n ? exact(1n) : base;
    const size = BigInt(Math.max(digitsOf(base.exact.n), digitsOf(base.exact.d)));
    if (size * (times < 0n ? -times : times) > BigInt(maxDigits)) throw new CalculationError('the number is too large');
    return exact(base.exact.pow(Number(times)) as Fraction);
  }

  function factorial(value: Value): Value {
    const last = whole(value);
    if (last < 0n || last > maxFactorial) throw new CalculationError(`factorials go from 0 to ${maxFactorial}`);
    let product = 1n;
    for (let i = 2n; i <= last; i++) product *= i;
    return exact(product);
  }

  function root(value: Value): Value {
    if (digits(value).isNegative()) throw new CalculationError('the root of a negative number');
    if ('exact' in value) {
      const [top, bottom] = [wholeRoot(value.exact.n), wholeRoot(value.exact.d)];
      if (top !== undefined && bottom !== undefined) return divide(exact(top), exact(bottom));
    }
    return rounded(digits(value).sqrt());
  }

  /** As in mathematics: the sign is the divisor's. */
  const modulo = (a: Value, b: Value) => subtract(a, multiply(b, toWhole('floor')(divide(a, nonZero(b)))));
  const extreme = (sign: number) => (given: readonly Value[]) =>
    given.reduce((best, one) => (digits(one).comparedTo(digits(best)) === sign ? one : best));
  function rounding(name: (typeof roundedFunctions)[number]) {
    return (a: Value) => {
      if (name.startsWith('log') && !digits(a).gt(0)) {
        throw new CalculationError('the logarithm of a number that is not positive');
      }
      if (!name.startsWith('log') && digits(a).abs().gt(largestArgument)) {
        throw new CalculationError('the number is too large');
      }
      return rounded((mathjs[name] as unknown as (x: BigNumber) => BigNumber)(digits(a)));
    };
  }

  const one = (apply: (a: Value) => Value) => ({ from: 1, to: 1, apply: ([a]: readonly Value[]) => apply(a as Value) });
  const two = (apply: (a: Value, b: Value) => Value) => ({
    from: 2,
    to: 2,
    apply: ([a, b]: readonly Value[]) => apply(a as Value, b as Value),
  });
  const many = (apply: (given: readonly Value[]) => Value) => ({ from: 1, to: maxNodes, apply });
  return {
    number(value: BigNumber): Value {
      if (!value.isFinite() || Math.abs(value.e) > maxDigits) throw new CalculationError('the number is too large');
      return exact(mathjs.fraction(value.toFixed()));
    },
    constant: (name: 'pi' | 'e') => rounded(mathjs.bignumber(mathjs[name])),
    operators: {
      '+': {
        from: 1,
        to: 2,
        apply: ([a, b]: readonly Value[]) => (b === undefined ? (a as Value) : add(a as Value, b)),
      },
      '-': {
        from: 1,
        to: 2,
        apply: ([a, b]: readonly Value[]) =>
          b === undefined ? subtract(exact(0n), a as Value) : subtract(a as Value, b),
      },
      '*': two(multiply),
      '/': two((a, b) => divide(a, nonZero(b))),
      '%': {
        from: 1,
        to: 2,
        apply: ([a, b]: readonly Value[]) =>
          b === undefined ? divide(a as Value, exact(100n)) : modulo(a as Value, b),
      },
      '^': two(power),
      '!': one(factorial),
    } as Readonly<Record<string, Operation>>,
    functions: {
      abs: one((a) => ('exact' in a ? exact(a.exact.abs()) : rounded(a.digits.abs()))),
      floor: one(toWhole('floor')),
      ceil: one(toWhole('ceil')),
      round: one(toWhole('round')),
      sqrt: one(root),
      pow: two(power),
      mod: two(modulo),
      factorial: one(factorial),
      gcd: two((a, b) => {
        const divisor = greatestDivisor(whole(a), whole(b));
        return exact(divisor < 0n ? -divisor : divisor);
      }),
      min: many(extreme(-1)),
      max: many(extreme(1)),
      ...Object.fromEntries(roundedFunctions.map((name) => [name, one(rounding(name))])),
    } as Readonly<Record<string, Operation>>,
  };
}

interface Operation {
  readonly from: number;
  readonly to: number;
  apply(given: readonly Value[]): Value;
}

function applied(name: string, operation: Operation, given: readonly Value[]): Value {
  if (given.length < operation.from || given.length > operation.to) {
    throw new CalculationError(`${name} takes ${operation.from} to ${operation.to} numbers, not ${given.length}`);
  }
  return operation.apply(given);
}

/** Walks the tree of an expression; kinds of nodes that are not named here are refused. */
function evaluator(mathjs: Mathjs): (node: MathNode) => Value {
  const { number, constant, operators, functions } = arithmetic(mathjs);
  const refuse = (what: string) => new CalculationError(`${what.slice(0, 60)} cannot be calculated`);
  return function evaluate(node): Value {
    if (mathjs.isParenthesisNode(node)) return evaluate(node.content);
    if (mathjs.isConstantNode(node)) {
      // The hundred of a percent sign comes as a plain number.
      if (typeof node.value === 'number') return number(mathjs.bignumber(node.value));
      if (mathjs.isBigNumber(node.value)) return number(node.value);
    }
    if (mathjs.isSymbolNode(node)) {
      if (node.name === 'pi' || node.name === 'e') return constant(node.name);
      throw refuse(`"${node.name}", which is no number,`);
    }
    if (mathjs.isOperatorNode(node) && Object.hasOwn(operators, node.op)) {
      return applied(node.op, operators[node.op] as Operation, node.args.map(evaluate));
    }
    if (mathjs.isFunctionNode(node) && mathjs.isSymbolNode(node.fn)) {
      const { name } = node.fn;
      if (Object.hasOwn(functions, name)) return applied(name, functions[name] as Operation, node.args.map(evaluate));
      throw new CalculationError(
        `"${name.slice(0, 40)}" is no function here; there are ${Object.keys(functions).join(', ')}`,
      );
    }
    throw refuse('what is not numbers, operators and functions');
  };
}

/** Whether a fraction ends as a decimal: nothing but 2 and 5 in its denominator. */
function decimalsOf(denominator: bigint): number | undefined {
  let rest = denominator;
  let [twos, fives] = [0, 0];
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  const decimals = Math.max(twos, fives);
  return rest === 1n && decimals <= maxDecimals ? decimals : undefined;
}

function shown(value: Value): string {
  if ('digits' in value) return value.digits.toSignificantDigits(shownDigits).toString();
  const { s, n, d } = value.exact;
  const sign = s < 0n ? '-' : '';
  const decimals = decimalsOf(d);
  if (decimals === undefined) return `${sign}${n}/${d}`;
  const text = ((n * 10n ** BigInt(decimals)) / d).toString().padStart(decimals + 1, '0');
  return decimals === 0 ? `${sign}${text}` : `${sign}${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}

/** Numbers keep their digits, as BigNumbers; the library is large and loaded when it is needed. */
const loadMathjs = lazy(async () => {
  const { all, create } = await import('mathjs');
  return create(all as FactoryFunctionMap, { number: 'BigNumber', precision: 64 });
});

/**
 * The value of an expression: exact fractions of any size up to 2,000 digits, 12 digits where it is irrational. Parsed by mathjs
 * (https://mathjs.org), evaluated over the allowed kinds of nodes only: nothing is executed, and every size is bounded. Rejects
 * with CalculationError.
 */
export async function calculate(expression: string): Promise<string> {
  const text = expression
    .replaceAll(/[×·]/g, '*')
    .replaceAll('÷', '/')
    .replaceAll('−', '-')
    .replaceAll('**', '^')
    // 1,234,567 as people write it.
    .replaceAll(/(?<=\d),(?=\d{3}(?!\d))/g, '');
  if (text.trim() === '') throw new CalculationError('there is nothing to calculate');
  if (text.length > maxLength) throw new CalculationError(`the expression is longer than ${maxLength} characters`);
  const mathjs = await loadMathjs();
  let node: MathNode;
  try {
    node = mathjs.parse(text);
  } catch {
    throw new CalculationError('the expression cannot be read');
  }
  let nodes = 0;
  node.traverse(() => {
    nodes++;
  });
  if (nodes > maxNodes) throw new CalculationError('the expression is too long');
  return shown(evaluator(mathjs)(node));
}
