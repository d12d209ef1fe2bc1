import { describe, expect, it } from 'vitest';
import { readNotices } from '../../../src/contact-lists/records/notices.ts';

const IDS = ['c1', 'c10', 'c-1', 'person 2'];
const placesOf = (...entries: unknown[]) => readNotices(entries, IDS).map(({ index }) => index);

describe('a warning or error of a batch', () => {
  it('names a record by its contact, its place, or anywhere in its text', () => {
    expect(placesOf({ contactId: 'c10', index: 0 }, { index: 2 }, { message: 'c1 exists' }, 'c-1: duplicate')).toEqual([
      1, 2, 0, 2,
    ]);
    expect(placesOf('Duplicate record (contact person 2).', 'records[1]: duplicate', { message: 'index: 3' })).toEqual([
      3, 1, 3,
    ]);
  });

  it('is not taken to name a contact whose id is only part of another', () => {
    expect(placesOf('c100: duplicate', 'xc1: duplicate', 'c1-0: duplicate')).toEqual([undefined, undefined, undefined]);
    expect(placesOf('c10: duplicate')).toEqual([1]);
  });

  it('that is nothing readable names nobody and breaks nothing', () => {
    expect(placesOf(null, 7, [], { index: 99 }, { index: -1 }, { index: 0.5 }, '')).toEqual(Array(7).fill(undefined));
  });

  it('is a duplicate where it says so in any of the words for it', () => {
    const say = (entry: unknown) => readNotices([entry], IDS)[0]?.isDuplicate;
    expect([
      say('c1 already exists'),
      say({ code: 'DuplicateRecord' }),
      say({ message: 'was there: DUPLICATE' }),
    ]).toEqual([true, true, true]);
    expect(say({ code: 'TooLong', message: 'custom field cut' })).toBe(false);
  });

  it('loses what looks personal in its text', () => {
    expect(readNotices([{ code: 'X', message: 'phone +49 30 1234567 of a@b.example' }], IDS)[0]?.message).not.toMatch(
      /1234567|a@b/,
    );
  });
});
