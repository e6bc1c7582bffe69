/**
 * Traces as the OpenTelemetry protocol writes them in JSON (OTLP 1.x, https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding):
 * 64-bit numbers are strings, ids are hex, enums are numbers.
 */
export type OtlpValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly OtlpValue[] } };

export interface OtlpAttribute {
  readonly key: string;
  readonly value: OtlpValue;
}

export interface OtlpEvent {
  readonly name: string;
  readonly timeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
}

export interface OtlpSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1: internal, 3: client. */
  readonly kind: 1 | 3;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  readonly events?: readonly OtlpEvent[];
  /** 0: unset, 2: error. */
  readonly status: { readonly code: 0 | 2; readonly message?: string };
}

/** One request to a receiver, and one line of a file of the collector's file exporter. */
export interface OtlpTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string; readonly version: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

/** An attribute with a text. */
export const textAttribute = (key: string, text: string): OtlpAttribute => ({ key, value: { stringValue: text } });
/** An attribute with a whole number. */
export const wholeAttribute = (key: string, value: number): OtlpAttribute => ({
  key,
  value: { intValue: String(Math.round(value)) },
});
/** Nothing for a number that JSON cannot hold. */
export const realAttribute = (key: string, value: number): OtlpAttribute[] =>
  Number.isFinite(value) ? [{ key, value: { doubleValue: value } }] : [];
/** An attribute with a list of texts. */
export const textsAttribute = (key: string, texts: readonly string[]): OtlpAttribute => ({
  key,
  value: { arrayValue: { values: texts.map((text) => ({ stringValue: text })) } },
});

/** ms since the epoch, fractions and all, as the nanoseconds of a span. */
export function unixNanos(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}

/** A value of a protocol message that others wrote: anything at all. */
export const fieldOf = (value: unknown, name: string): unknown =>
  value !== null && typeof value === 'object' && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;

/** A list, empty where the value is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Deeper values are no message that anyone wrote. */
const maxDepth = 40;

/** What an attribute's value says: text, number, boolean, list or object; undefined where it says nothing that can be read. */
function plainValue(value: unknown, depth = 0): unknown {
  if (depth > maxDepth) return undefined;
  const text = fieldOf(value, 'stringValue');
  if (typeof text === 'string') return text;
  const number = fieldOf(value, 'intValue') ?? fieldOf(value, 'doubleValue');
  if (typeof number === 'string' || typeof number === 'number') return Number(number);
  const truth = fieldOf(value, 'boolValue');
  if (typeof truth === 'boolean') return truth;
  const list = fieldOf(value, 'arrayValue');
  if (list !== undefined) return listOf(fieldOf(list, 'values')).map((one) => plainValue(one, depth + 1));
  const fields = fieldOf(value, 'kvlistValue');
  return fields === undefined ? undefined : plainAttributes(fieldOf(fields, 'values'), depth + 1);
}

/** Attributes by their keys; what cannot be read is left out. */
export function plainAttributes(attributes: unknown, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    listOf(attributes).flatMap((one) => {
      const key = fieldOf(one, 'key');
      const value = plainValue(fieldOf(one, 'value'), depth);
      return typeof key === 'string' && value !== undefined ? [[key, value]] : [];
    }),
  );
}
