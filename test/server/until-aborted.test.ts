import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { untilAborted } from '../../src/server/until-aborted.ts';

/** A source of these values that then waits for ever, whatever it is asked. */
function deaf<T>(...values: T[]): { source: AsyncIterable<T>; returned(): number } {
  let returned = 0;
  const rest = [...values];
  const source: AsyncIterator<T> = {
    next: async () => {
      const value = rest.shift();
      return value === undefined ? new Promise(() => undefined) : { done: false, value };
    },
    return: () => {
      returned += 1;
      return new Promise(() => undefined);
    },
  };
  return { source: { [Symbol.asyncIterator]: () => source }, returned: () => returned };
}

function watch<T>(source: AsyncIterable<T>) {
  const controller = new AbortController();
  let ended = 0;
  const iterator = untilAborted(source, controller.signal, () => {
    ended += 1;
  });
  return { iterator, controller, ended: () => ended };
}

const done = { done: true, value: undefined };

describe('an iteration', () => {
  test('gives what its source gives, then ends with it, once', async () => {
    async function* source() {
      yield 1;
      yield 2;
    }
    const { iterator, ended } = watch(source());
    const seen: number[] = [];
    for await (const value of iterator) seen.push(value);
    expect(seen).toEqual([1, 2]);
    expect(await iterator.next()).toEqual(done);
    await iterator.return();
    expect(ended()).toBe(1);
  });

  test('that waits ends at once when it is aborted, and its source is asked to return', async () => {
    const { source, returned } = deaf(1);
    const { iterator, controller, ended } = watch(source);
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    const waiting = iterator.next();
    controller.abort();
    expect(await waiting).toEqual(done);
    expect(await iterator.next()).toEqual(done);
    expect([returned(), ended()]).toEqual([1, 1]);
  });

  test('that waits ends at once when it is asked to return', async () => {
    const { source, returned } = deaf<number>();
    const { iterator, ended } = watch(source);
    const waiting = iterator.next();
    expect(await iterator.return()).toEqual(done);
    expect(await waiting).toEqual(done);
    expect([returned(), ended()]).toEqual([1, 1]);
  });

  test('that is aborted before it begins gives nothing', async () => {
    const { source } = deaf(1);
    const controller = new AbortController();
    controller.abort();
    let ended = 0;
    const iterator = untilAborted(source, controller.signal, () => {
      ended += 1;
    });
    expect(await iterator.next()).toEqual(done);
    expect(ended).toBe(1);
  });

  test('whose source breaks breaks with it, and is over', async () => {
    // biome-ignore lint/correctness/useYield: a source that breaks before its first value
    async function* source(): AsyncGenerator<number> {
      throw new Error('broken');
    }
    const { iterator, ended } = watch(source());
    await expect(iterator.next()).rejects.toThrow('broken');
    expect(await iterator.next()).toEqual(done);
    expect(ended()).toBe(1);
  });

  test('whose source always has the next value ready lets others have their turn', async () => {
    async function* source() {
      for (;;) yield 1;
    }
    const { iterator, controller } = watch(source());
    let turns = 0;
    void setImmediate().then(() => {
      turns += 1;
      controller.abort();
    });
    let values = 0;
    for await (const _value of iterator) {
      values += 1;
      if (values > 10_000) break;
    }
    expect(turns).toBe(1);
    expect(values).toBeLessThan(100);
  });
});
