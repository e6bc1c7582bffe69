import protobuf from 'protobufjs';

/** ONNX element types that graphs here use (https://onnx.ai/onnx/repo-docs/IR.html). */
export const elementTypes = { float32: 1, int64: 7, bool: 9, float64: 11 } as const;
export type ElementType = keyof typeof elementTypes;

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export type OnnxInitializer = OnnxValue &
  (
    | { readonly data: Uint8Array }
    /** Bytes of a file that lies beside the model. */
    | { readonly location: string; readonly offset: number; readonly byteLength: number }
  );

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxInitializer[];
}

/** RMSNormalization and RotaryEmbedding are of this version. */
const opset = 23;
const irVersion = 11;

const attributeTypes = { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 };

/** Field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3, as far as they are written here. */
const schema = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: { id: 1, type: 'int64' },
        producerName: { id: 2, type: 'string' },
        graph: { id: 7, type: 'Graph' },
        opsetImport: { id: 8, type: 'Opset', rule: 'repeated' },
      },
    },
    Opset: { fields: { domain: { id: 1, type: 'string' }, version: { id: 2, type: 'int64' } } },
    Graph: {
      fields: {
        node: { id: 1, type: 'Node', rule: 'repeated' },
        name: { id: 2, type: 'string' },
        initializer: { id: 5, type: 'Tensor', rule: 'repeated' },
        input: { id: 11, type: 'ValueInfo', rule: 'repeated' },
        output: { id: 12, type: 'ValueInfo', rule: 'repeated' },
      },
    },
    Node: {
      fields: {
        input: { id: 1, type: 'string', rule: 'repeated' },
        output: { id: 2, type: 'string', rule: 'repeated' },
        opType: { id: 4, type: 'string' },
        attribute: { id: 5, type: 'Attribute', rule: 'repeated' },
        domain: { id: 7, type: 'string' },
      },
    },
    Attribute: {
      fields: {
        name: { id: 1, type: 'string' },
        f: { id: 2, type: 'float' },
        i: { id: 3, type: 'int64' },
        s: { id: 4, type: 'bytes' },
        ints: { id: 8, type: 'int64', rule: 'repeated' },
        type: { id: 20, type: 'int32' },
      },
    },
    Tensor: {
      fields: {
        dims: { id: 1, type: 'int64', rule: 'repeated' },
        dataType: { id: 2, type: 'int32' },
        name: { id: 8, type: 'string' },
        rawData: { id: 9, type: 'bytes' },
        externalData: { id: 13, type: 'Entry', rule: 'repeated' },
        dataLocation: { id: 14, type: 'int32' },
      },
    },
    Entry: { fields: { key: { id: 1, type: 'string' }, value: { id: 2, type: 'string' } } },
    ValueInfo: { fields: { name: { id: 1, type: 'string' }, type: { id: 2, type: 'Type' } } },
    Type: { fields: { tensorType: { id: 1, type: 'TensorType' } } },
    TensorType: { fields: { elemType: { id: 1, type: 'int32' }, shape: { id: 2, type: 'Shape' } } },
    Shape: { fields: { dim: { id: 1, type: 'Dimension', rule: 'repeated' } } },
    Dimension: { fields: { dimValue: { id: 1, type: 'int64' }, dimParam: { id: 2, type: 'string' } } },
  },
});

function attributeOf(name: string, value: Attribute) {
  if (typeof value === 'number') return { name, i: value, type: attributeTypes.INT };
  if (typeof value === 'string') return { name, s: Buffer.from(value), type: attributeTypes.STRING };
  if ('float' in value) return { name, f: value.float, type: attributeTypes.FLOAT };
  return { name, ints: value, type: attributeTypes.INTS };
}

const valueInfoOf = ({ name, type, shape }: OnnxValue) => ({
  name,
  type: {
    tensorType: {
      elemType: elementTypes[type],
      shape: { dim: shape.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })) },
    },
  },
});

function initializerOf(one: OnnxInitializer) {
  const head = { name: one.name, dims: one.shape, dataType: elementTypes[one.type] };
  if ('data' in one) return { ...head, rawData: one.data };
  const place = { location: one.location, offset: String(one.offset), length: String(one.byteLength) };
  return {
    ...head,
    dataLocation: 1,
    externalData: Object.entries(place).map(([key, value]) => ({ key, value })),
  };
}

/** The bytes of an .onnx file. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const domains = new Set(model.nodes.map((node) => node.domain));
  const type = schema.lookupType('Model');
  const message = {
    irVersion,
    producerName: 'llm-forge',
    opsetImport: [
      { domain: '', version: opset },
      ...[...domains].filter((domain) => domain !== '').map((domain) => ({ domain, version: 1 })),
    ],
    graph: {
      name: model.name,
      node: model.nodes.map(({ opType, domain, inputs, outputs, attributes }) => ({
        opType,
        domain,
        input: inputs,
        output: outputs,
        attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
      })),
      initializer: model.initializers.map(initializerOf),
      input: model.inputs.map(valueInfoOf),
      output: model.outputs.map(valueInfoOf),
    },
  };
  return type.encode(type.create(message)).finish();
}

/** The float32 weights of an .onnx file, by name; those in files beside it are left out. */
export function readInitializers(file: Uint8Array): Map<string, { shape: readonly number[]; values: Float32Array }> {
  const type = schema.lookupType('Model');
  const { graph } = type.toObject(type.decode(file), { longs: Number }) as {
    graph?: { initializer?: { name: string; dims?: number[]; dataType: number; rawData?: Uint8Array }[] };
  };
  return new Map(
    (graph?.initializer ?? []).flatMap(({ name, dims = [], dataType, rawData }) => {
      if (dataType !== elementTypes.float32 || rawData === undefined) return [];
      // The bytes may lie at any place in the file: floats must not.
      return [[name, { shape: dims, values: new Float32Array(Uint8Array.from(rawData).buffer) }] as const];
    }),
  );
}
