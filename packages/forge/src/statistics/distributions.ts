/** Lanczos coefficients, g = 7, n = 9 (Godfrey 2001): about 15 digits. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function, x > 0. */
function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const shifted = x - 1;
  const t = shifted + 7.5;
  const sum = lanczos.slice(1).reduce((acc, c, i) => acc + c / (shifted + i + 1), lanczos[0] as number);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes 6.4). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const guard = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** What Stirling's formula leaves out of ln gamma(x): ln gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2). */
function stirlingError(x: number): number {
  if (x < 10) return lnGamma(x) - ((x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI));
  const square = x * x;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / x;
}

/** expected - count - count ln(expected / count), without losing its digits where the two are near: Loader's deviance. */
function deviance(count: number, expected: number): number {
  const x = (expected - count) / count;
  if (Math.abs(x) > 0.2) return expected - count - count * Math.log(expected / count);
  let power = x;
  let sum = 0;
  for (let k = 2; k < 40; k++) {
    power *= -x;
    sum -= power / k;
  }
  return count * sum;
}

/**
 * x^a y^b / B(a, b) with y = 1 - x. Saddle-point form (Loader 2000, "Fast and accurate computation of binomial probabilities"): sums of
 * ln gamma lose digits as a and b grow.
 */
function betaFront(x: number, y: number, a: number, b: number): number {
  const n = a + b;
  const correction = stirlingError(n) - stirlingError(a) - stirlingError(b);
  return Math.sqrt((a / n) * (b / (2 * Math.PI))) * Math.exp(correction - deviance(a, n * x) - deviance(b, n * y));
}

/** Regularised incomplete beta function I_x(a, b), 0 <= x <= 1. Give `y` = 1 - x where it is known more exactly than from x. */
export function incompleteBeta(x: number, a: number, b: number, y = 1 - x): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const front = betaFront(x, y, a, b);
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(y, b, a)) / b;
}

/** Complementary error function: Taylor series near 0, Lentz's continued fraction beyond. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (x < 2.5) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let k = 120; k > 0; k--) fraction = k / 2 / (x + fraction);
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}

/** P(Z <= z) of the standard normal distribution. */
export const normalCdf = (z: number) => 0.5 * erfc(-z / Math.SQRT2);

/** The root of an increasing function, by bisection to the last bit. */
function invert(cdf: (x: number) => number, p: number, low: number, high: number): number {
  let [a, b] = [low, high];
  for (let i = 0; i < 200; i++) {
    const middle = (a + b) / 2;
    if (middle <= a || middle >= b) break;
    if (cdf(middle) < p) a = middle;
    else b = middle;
  }
  return (a + b) / 2;
}

/** Inverse of normalCdf, 0 < p < 1. */
export function normalQuantile(p: number): number {
  if (p === 0.5) return 0;
  // The lower tail keeps its digits.
  return p > 0.5 ? -normalQuantile(1 - p) : invert(normalCdf, p, -40, 0);
}

/** P(T <= t) of Student's t distribution with `df` > 0 degrees of freedom; Infinity gives the normal distribution. */
export function studentCdf(t: number, df: number): number {
  if (df === Number.POSITIVE_INFINITY) return normalCdf(t);
  const scale = df + t * t;
  const tail = 0.5 * incompleteBeta(df / scale, df / 2, 0.5, (t * t) / scale);
  return t > 0 ? 1 - tail : tail;
}

/** Inverse of studentCdf, 0 < p < 1. */
export function studentQuantile(p: number, df: number): number {
  if (p === 0.5) return 0;
  if (p > 0.5) return -studentQuantile(1 - p, df);
  let low = -2;
  while (studentCdf(low, df) > p) low *= 2;
  return invert((t) => studentCdf(t, df), p, low, 0);
}

/** P(X = k) of a binomial distribution. */
export function binomialPmf(k: number, n: number, p: number): number {
  if (k < 0 || k > n) return 0;
  if (p === 0) return k === 0 ? 1 : 0;
  if (p === 1) return k === n ? 1 : 0;
  return betaFront(p, 1 - p, k + 1, n - k + 1) / ((n + 1) * p * (1 - p));
}

/** P(X <= k) of a binomial distribution. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta(1 - p, n - k, k + 1, p);
}
