import { describe, expect, test } from 'vitest';
import { type Foldable, fold } from '../../src/contacts/fold.ts';
import type { ContactPatch } from '../../src/contacts/merge.ts';
import type { Contact } from '../../src/contacts/model.ts';

const baseline: Contact = { bookId: 'b', id: 'c', etag: '"1"', wire: { id: 'c', firstName: 'Ada' } };

const change = (patch: ContactPatch, more: Partial<Foldable> = {}): Foldable => ({
  patch,
  ifVersion: undefined,
  guard: undefined,
  alone: false,
  carried: [],
  ...more,
});
const one = change({ firstName: 'One' });
const same = change({ firstName: 'Ada' });

/** Which of the changes went where, by their index. */
function outcome(changes: readonly Foldable[], isCurrent = true) {
  const folded = fold(baseline, changes, () => isCurrent);
  const at = (list: readonly Foldable[]) => list.map((item) => changes.indexOf(item));
  return {
    included: at(folded.included.map((item) => item.change)),
    outdated: at(folded.outdated),
    unfit: at(folded.unfit),
    undecided: folded.undecided,
    after: folded.after,
  };
}

test('changes are put on in their order, the later over the earlier', () => {
  const later = change({ firstName: 'Two', lastName: 'L' });
  expect(outcome([one, later])).toMatchObject({ included: [0, 1], after: { firstName: 'Two', lastName: 'L' } });
});

describe('a change with ifVersion', () => {
  const versioned = change({ lastName: 'L' }, { ifVersion: '"1"' });

  test('goes along while the version is still that, however it is quoted', () => {
    expect(outcome([same, versioned, one]).included).toEqual([0, 1, 2]);
    expect(outcome([change({}, { ifVersion: '1' })]).included).toEqual([0]);
    expect(outcome([change({}, { ifVersion: 'W/"1"' })]).included).toEqual([0]);
  });

  test('waits, with all behind it, once a change before it makes another version', () => {
    expect(outcome([one, versioned, same])).toMatchObject({ included: [0], outdated: [], undecided: false });
  });

  test('is outdated by another version, if the baseline is recent enough to say so', () => {
    const outdated = change({ lastName: 'L' }, { ifVersion: '"0"' });
    expect(outcome([outdated, one])).toMatchObject({ included: [1], outdated: [0] });
    expect(outcome([outdated, one], false)).toMatchObject({ included: [], outdated: [], undecided: true });
  });

  test('is done, not outdated, where its own PUT was applied and the answer was lost', () => {
    const done = change({ firstName: 'Ada' }, { ifVersion: '"0"', carried: ['firstName'] });
    expect(outcome([done])).toMatchObject({ included: [0], outdated: [] });
    const undone = change({ firstName: 'Two' }, { ifVersion: '"0"', carried: ['firstName'] });
    expect(outcome([undone])).toMatchObject({ included: [], outdated: [0] });
  });
});

test('a change whose guard does not hold is not meant for this contact', () => {
  const stranger = change({ lastName: 'L' }, { guard: ({ firstName }) => firstName === 'Bob' });
  expect(outcome([stranger, one])).toMatchObject({ included: [1], unfit: [0] });
  expect(outcome([stranger, one], false)).toMatchObject({ included: [], undecided: true });
});

test('a change that goes alone shares its PUT with nobody', () => {
  const alone = change({ lastName: 'L' }, { alone: true });
  expect(outcome([alone, one]).included).toEqual([0]);
  expect(outcome([one, alone]).included).toEqual([0]);
});

test('one PUT carries a hundred changes at most', () => {
  const many = Array.from({ length: 150 }, (_, index) => change({ lastName: `L${index}` }));
  expect(outcome(many).included).toHaveLength(100);
});
