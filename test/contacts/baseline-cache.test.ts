import { expect, test } from 'vitest';
import { createBaselineCache } from '../../src/contacts/baseline-cache.ts';
import type { Contact } from '../../src/contacts/model.ts';
import { createFakeClock } from '../support/clock.ts';

const contact = (id: string, etag: string | undefined, more: object = {}): Contact => ({
  bookId: 'b',
  id,
  etag,
  wire: { id, ...more },
});

function createCache(size = 10) {
  const clock = createFakeClock();
  return { clock, cache: createBaselineCache({ size, ttlMs: 1000, clock }) };
}

test('an entry counts for its time and no longer', async () => {
  const { clock, cache } = createCache();
  cache.put(contact('a', '"1"'));
  await clock.advance(999);
  expect(cache.get('b', 'a')).toBeDefined();
  await clock.advance(2);
  expect(cache.get('b', 'a')).toBeUndefined();
  expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, capacity: 10 });
});

test('fills that end in any order leave the others what they must know', () => {
  const { cache } = createCache();
  const [first, second, third] = [cache.beginFill(), cache.beginFill(), cache.beginFill()];
  first[Symbol.dispose]();
  cache.drop('a');
  third[Symbol.dispose]();
  cache.drop('b');
  for (const id of ['a', 'b', 'c']) second.keep(contact(id, '"1"'));
  second[Symbol.dispose]();
  expect(['a', 'b', 'c'].map((id) => cache.get('b', id)?.id)).toEqual([undefined, undefined, 'c']);
});

test('what CXone answered is as old as the question', async () => {
  const { clock, cache } = createCache();
  using fill = cache.beginFill();
  await clock.advance(600);
  fill.keep(contact('a', '"1"'));
  await clock.advance(399);
  expect(cache.get('b', 'a')).toBeDefined();
  await clock.advance(2);
  expect(cache.get('b', 'a')).toBeUndefined();
});

test('the entries are bounded by number and by size, the least used going first', () => {
  const { cache } = createCache(2);
  for (const id of ['a', 'b']) cache.put(contact(id, '"1"'));
  cache.get('b', 'a');
  cache.put(contact('c', '"1"'));
  expect(['a', 'b', 'c'].map((id) => cache.get('b', id)?.id)).toEqual(['a', undefined, 'c']);
  cache.put(contact('a', '"2"', { note: 'x'.repeat(64 * 1024 * 1024) }));
  expect(cache.get('b', 'a')).toBeUndefined();
});

test('a contact of another book is none of this one’s', () => {
  const { cache } = createCache();
  cache.put(contact('a', '"1"'));
  expect(cache.get('other', 'a')).toBeUndefined();
});

test('an answer that was asked for before a write, a drop or a clearing does not come back over it', () => {
  const { cache } = createCache();
  using fill = cache.beginFill();
  cache.put(contact('a', '"2"'));
  cache.drop('b');
  for (const id of ['a', 'b', 'c']) fill.keep(contact(id, '"1"'));
  expect(['a', 'b', 'c'].map((id) => cache.get('b', id)?.etag)).toEqual(['"2"', undefined, '"1"']);
  cache.clear();
  fill.keep(contact('d', '"1"'));
  expect(cache.get('b', 'd')).toBeUndefined();
});

test('a page takes the place of what it contradicts, and leaves the ETag of what it confirms', () => {
  const { cache } = createCache();
  for (const id of ['same', 'other']) cache.put(contact(id, '"1"', { firstName: 'Ada' }));
  using fill = cache.beginFill();
  fill.keep(contact('same', undefined, { firstName: 'Ada' }));
  fill.keep(contact('other', undefined, { firstName: 'Bob' }));
  expect(cache.get('b', 'same')?.etag).toBe('"1"');
  expect(cache.get('b', 'other')).toMatchObject({ etag: undefined, wire: { firstName: 'Bob' } });
});
