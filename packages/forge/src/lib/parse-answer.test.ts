import { describe, expect, it } from 'vitest';
import { parseDirectAnswer, parseReasonedAnswer } from './parse-answer.ts';

describe('parseReasonedAnswer', () => {
  it.each([
    ['3 + 4 = 7.\nAnswer: 7', '7'],
    ['2 * 3 = 6\n#### 6', '6'],
    ['So we get\n\\boxed{\\frac{1}{2}} as the result', '\\frac{1}{2}'],
    ['Two and two.\nTherefore, the answer is 4.', '4'],
    ['He has 3 left.\nTherefore, 3 apples', '3 apples'],
    ['Answer: 5\nNo, wait.\nAnswer: 6', '6'],
    ['First line.\n\nSecond line.\n**Answer:** Paris', 'Paris'],
    ['The answer is: "Paris".', 'Paris'],
    ['Answer:\n42', '42'],
    ['Answer: 3.5', '3.5'],
    ['Answer: 1,000.', '1,000'],
    ['#### 12\nAnswer: 13', '12'],
  ])('finds the marked answer of %j', (text, answer) => {
    expect(parseReasonedAnswer(text)).toEqual({ answer, by: 'marker' });
  });
  it('falls back to the last sentence, and says so', () => {
    expect(parseReasonedAnswer('He buys two. He has 9 now.')).toEqual({ answer: 'He has 9 now', by: 'last-sentence' });
  });
  it('says when there is nothing', () => {
    expect(parseReasonedAnswer(' \n ')).toEqual({ answer: '', by: 'none' });
  });
  it('takes the last sentence when the marker is cut off', () => {
    expect(parseReasonedAnswer('3 + 4 = 7.\nAnswer:').by).toBe('last-sentence');
  });
  it('is quick on a hostile megabyte', () => {
    const started = performance.now();
    parseReasonedAnswer('\\boxed{'.repeat(150_000));
    parseReasonedAnswer('answer '.repeat(150_000));
    parseReasonedAnswer(' '.repeat(1_000_000));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('parseDirectAnswer', () => {
  it.each([
    [' Paris\n', 'Paris'],
    ['\n\nParis.\nIt is the capital', 'Paris'],
    ['Answer: 42', '42'],
    ['"Paris"', 'Paris'],
    ['3.', '3'],
  ])('reads %j', (text, answer) => {
    expect(parseDirectAnswer(text).answer).toBe(answer);
  });
  it('says when there is nothing', () => {
    expect(parseDirectAnswer('\n \n')).toEqual({ answer: '', by: 'none' });
  });
});
