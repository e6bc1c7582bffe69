import { expect, it } from 'vitest';
import { addressGroup, clientAddress, isLoopback } from './client-address.ts';
import { createRequestBuckets } from './request-buckets.ts';

it('gives a burst, then so many a second, to each key for itself', () => {
  let now = 0;
  const buckets = createRequestBuckets({ burst: 2, perSecond: 4 }, () => now);
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a'), buckets.take('b')]).toEqual([0, 0, 250, 0]);
  // Who asks too early loses nothing by it.
  now = 249;
  expect(buckets.take('a')).toBeCloseTo(1);
  expect(buckets.wait('a')).toBeCloseTo(1);
  now = 250;
  expect([buckets.wait('a'), buckets.take('a'), buckets.wait('a')]).toEqual([0, 0, 250]);
  now = 1e9;
  expect([buckets.take('a'), buckets.take('a'), buckets.take('a')]).toEqual([0, 0, 250]);
});

it('remembers only so many keys, those that asked last', () => {
  const buckets = createRequestBuckets({ burst: 1, perSecond: 1 }, () => 0, 2);
  buckets.take('a');
  buckets.take('b');
  buckets.take('a');
  buckets.take('c');
  expect([buckets.wait('a'), buckets.wait('b'), buckets.wait('c')]).toEqual([1000, 0, 1000]);
});

it.each([
  ['203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::1', '2001:db8:1:2'],
  ['2001:0DB8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['unknown', 'unknown'],
])('%s is of the group %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

it.each([
  [undefined, 0, '10.0.0.1'],
  ['203.0.113.1', 0, '10.0.0.1'],
  ['203.0.113.1', 1, '203.0.113.1'],
  ['198.51.100.9, 203.0.113.1', 1, '203.0.113.1'],
  ['198.51.100.9, 203.0.113.1', 2, '198.51.100.9'],
  ['203.0.113.1', 2, '203.0.113.1'],
  ['<script>', 1, '10.0.0.1'],
])('of X-Forwarded-For %s behind %d proxies the client is %s', (given, proxies, client) => {
  expect(clientAddress('::ffff:10.0.0.1', given, proxies)).toBe(client);
});

it('knows the names of this machine', () => {
  expect(['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '::', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'].some(isLoopback)).toBe(
    false,
  );
});
