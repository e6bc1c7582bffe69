import { expect, it } from 'vitest';
import { createSharedExclusive } from './shared-exclusive.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('lets many in at once, or one alone, in the order in which they came', async () => {
  const gate = createSharedExclusive();
  const order: string[] = [];
  const enter = (name: string, how: 'shared' | 'exclusive') =>
    gate[how]().then((leave) => {
      order.push(name);
      return leave;
    });
  const first = await enter('a', 'shared');
  const second = await enter('b', 'shared');
  const alone = enter('c', 'exclusive');
  const behind = enter('d', 'shared');
  await settled();
  expect(order).toEqual(['a', 'b']);
  first();
  first();
  await settled();
  expect(order).toEqual(['a', 'b']);
  second();
  const leave = await alone;
  await settled();
  expect(order).toEqual(['a', 'b', 'c']);
  leave();
  await behind;
  expect(order).toEqual(['a', 'b', 'c', 'd']);
});

it('lets those behind go on when one who waits to be alone gives up', async () => {
  const gate = createSharedExclusive();
  await gate.shared();
  const controller = new AbortController();
  const alone = gate.exclusive(controller.signal);
  const behind = gate.shared();
  controller.abort(new Error('enough'));
  await expect(alone).rejects.toThrow('enough');
  await behind;
});
