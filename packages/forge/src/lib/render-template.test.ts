import { describe, expect, it } from 'vitest';
import { placeholdersOf, renderTemplate } from './render-template.ts';

describe('renderTemplate', () => {
  it('fills placeholders', () => {
    expect(renderTemplate('Question: {question}\nAnswer:', { question: 'Why?' })).toBe('Question: Why?\nAnswer:');
  });
  it('leaves out a line whose only placeholder is empty, and keeps one that is filled', () => {
    const template = '{context}\nQuestion: {question}';
    expect(renderTemplate(template, { context: '', question: 'Why?' })).toBe('Question: Why?');
    expect(renderTemplate(template, { context: 'A text.', question: 'Why?' })).toBe('A text.\nQuestion: Why?');
  });
  it('never reads a value as a template, nor as a replacement pattern', () => {
    expect(renderTemplate('{question} {context}', { question: '{context} $& $1', context: 'c' })).toBe(
      '{context} $& $1 c',
    );
  });
  it('lists placeholders and leaves other braces alone', () => {
    expect(placeholdersOf('{question} {"a": 1} {Context}')).toEqual(['question']);
  });
});
