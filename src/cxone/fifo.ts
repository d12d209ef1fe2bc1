/**
 * First in, first out, in constant time. A Set from which the oldest are deleted walks over what is left of them each
 * time it is asked for its first: with thousands of them that costs more than the call that asks.
 */
export interface Fifo<T> {
  push(item: T): void;
  /** The oldest, which stays. */
  first(): T | undefined;
  /** The oldest, which goes. */
  shift(): T | undefined;
  size(): number;
}

/** Taken places are cut off together when there are so many, and more of them than items left. */
const CUT_AT = 256;

export function createFifo<T>(): Fifo<T> {
  let items: T[] = [];
  let head = 0;
  return {
    push: (item) => void items.push(item),
    first: () => items[head],
    shift() {
      const item = items[head];
      if (head === items.length) return undefined;
      head++;
      if (head >= CUT_AT && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
    size: () => items.length - head,
  };
}
