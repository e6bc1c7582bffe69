import { expect, test } from 'vitest';
import { quantizeBlocks } from './quantize.ts';

// 96 weights of very different sizes, the last block all zeros.
const weights = Float32Array.from({ length: 96 }, (_, i) =>
  i < 64 ? Math.sin(i * i * 0.37) * (1 + (i % 5)) * 0.01 : 0,
);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

// Golden values: gguf 0.17 (gguf.quants.quantize), whose blocks equal those of ggml bit for bit.
test('Q8_0 and Q4_0 are ggml’s, byte for byte', () => {
  expect(hex(quantizeBlocks(weights, 'Q8_0'))).toBe(
    '710e00124cedd30423ce9b82f0240ae2df191709317ff7f6ff53c2e8d0df58ed00e54d0e4a4b3a142fcc16ca1afdcaba051ae026a354192d4d358113d2463cf5ff243b9900000000000000000000000000000000000000000000000000000000000000000000',
  );
  expect(hex(quantizeBlocks(weights, 'Q4_0'))).toBe(
    '649e787753099b98863bceafb9a6279a8aa6401e2dddacb9dbb509955ac8c57488aac62a008088888888888888888888888888888888',
  );
});

test('half a block is refused', () => {
  expect(() => quantizeBlocks(new Float32Array(33), 'Q8_0')).toThrow('33 weights are not whole blocks of 32');
});
