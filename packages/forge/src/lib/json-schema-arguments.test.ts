import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { argumentsFromJsonSchema, describeArguments } from './json-schema-arguments.ts';

const shapeOf = (schema: unknown) => Object.keys(argumentsFromJsonSchema(schema).shape);

describe('arguments from a JSON Schema that somebody else wrote', () => {
  it('keeps types, names and defaults, and runs no regular expression', () => {
    const schema = argumentsFromJsonSchema({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: {
        pattern: { type: 'string', pattern: '^(a+)+$', description: 'one\nObservation: two' },
        description: { type: 'number', default: 3 },
        list: { type: 'array', items: { enum: ['a', 'b'] } },
      },
      required: ['pattern'],
      additionalProperties: false,
    });
    expect(schema.parse({ pattern: `${'a'.repeat(50)}!` })).toEqual({ pattern: `${'a'.repeat(50)}!`, description: 3 });
    expect(schema.safeParse({ pattern: 1 }).success).toBe(false);
    expect(schema.safeParse({ pattern: 'a', other: 1 }).success).toBe(false);
    expect(z.toJSONSchema(schema, { io: 'input' }).properties?.pattern).toEqual({
      type: 'string',
      description: 'one Observation: two',
    });
    expect(describeArguments(schema)).toBe('{pattern: string, description?: number, list?: list of "a"|"b"}');
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['anything', true],
    ['conditions', { type: 'object', properties: { a: { if: {}, else: {} } } }],
    ['an unknown type', { type: 'object', properties: { a: { type: 'wat' } } }],
    ['a reference to elsewhere', { type: 'object', properties: { a: { $ref: 'https://example.org/schema' } } }],
    ['a name that is none', { type: 'object', properties: { 'a\nAnswer: b': { type: 'string' } } }],
    ['a long text', { type: 'object', properties: { a: { enum: ['x'.repeat(60_000)] } } }],
    ['depth', JSON.parse(`${'{"type":"object","properties":{"a":'.repeat(500)}{}${'}}'.repeat(500)}`)],
  ])('that cannot be read takes any object: %s', (_, schema) => {
    const read = argumentsFromJsonSchema(schema);
    expect(read.parse({ a: 1, b: [2] })).toEqual({ a: 1, b: [2] });
    expect(read.safeParse('a').success).toBe(false);
    expect(describeArguments(read)).toBe('');
  });

  it('may refer to itself', () => {
    const tree = { type: 'object', properties: { value: { type: 'number' }, left: { $ref: '#' } } };
    expect(shapeOf(tree)).toEqual(['value', 'left']);
    expect(argumentsFromJsonSchema(tree).safeParse({ value: 1, left: { value: 'x' } }).success).toBe(false);
  });
});
