import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createFifo } from '../../src/cxone/fifo.ts';

test('what goes in first comes out first, whatever the order of pushes and shifts', () => {
  const steps = fc.array(fc.boolean(), { maxLength: 2_000 });
  fc.assert(
    fc.property(steps, (pushes) => {
      const fifo = createFifo<number>();
      const model: number[] = [];
      for (const [number, isPush] of pushes.entries()) {
        if (isPush) {
          fifo.push(number);
          model.push(number);
        } else expect(fifo.shift()).toBe(model.shift());
        expect(fifo.first()).toBe(model[0]);
        expect(fifo.size()).toBe(model.length);
      }
    }),
    { numRuns: 30 },
  );
});

test('what has gone is let go: a long queue that empties keeps nothing', () => {
  const fifo = createFifo<number>();
  for (let number = 0; number < 10_000; number++) fifo.push(number);
  for (let number = 0; number < 10_000; number++) expect(fifo.shift()).toBe(number);
  expect(fifo.shift()).toBeUndefined();
  expect(fifo.first()).toBeUndefined();
  expect(fifo.size()).toBe(0);
});
