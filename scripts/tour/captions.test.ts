import { describe, expect, it } from 'vitest';
import { readingSeconds, timestamp, vttText } from './captions.ts';

describe('how long a caption stays', () => {
  it('is what 15 characters a second take, and no less than two seconds', () => {
    expect(readingSeconds('x'.repeat(90))).toBeCloseTo(6.4, 10);
    expect(readingSeconds('Yes.')).toBeCloseTo(2.4, 10);
    expect(readingSeconds('x'.repeat(91))).toBeGreaterThan(readingSeconds('x'.repeat(90)));
  });
});

describe('the subtitle file', () => {
  it('writes times as WebVTT wants them', () => {
    expect(timestamp(0)).toBe('00:00:00.000');
    expect(timestamp(61.2345)).toBe('00:01:01.235');
    expect(timestamp(3600 + 59.9996)).toBe('01:01:00.000');
    expect(timestamp(-0.001)).toBe('00:00:00.000');
  });

  it('numbers the texts, cuts their lines at words, and has no markup', () => {
    const long = 'The verdict in one sentence: how much better, with its interval, the test and its p value.';
    expect(
      vttText([
        { start: 1, end: 3.5, text: 'p < 0.001 & n > 100' },
        { start: 3.5, end: 9, text: long },
      ]),
    ).toBe(
      `WEBVTT

1
00:00:01.000 --> 00:00:03.500
p &lt; 0.001 &amp; n &gt; 100

2
00:00:03.500 --> 00:00:09.000
The verdict in one sentence: how much better, with its
interval, the test and its p value.
`,
    );
  });
});
