import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEventCursor, encodeEventCursor } from '../../src/graphql/event-cursors.ts';

test('a cursor leads back to the event it was made for', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (seq) => {
      expect(decodeEventCursor(encodeEventCursor(seq))).toBe(seq);
    }),
  );
});

test.each(['', 'e1.', 'e1.-1', 'e1. 1', 'e1.1.0', 'e1.ZZ', 'e2.1', 'e1.zzzzzzzzzzz', '42', `e1.${'1'.repeat(5_000)}`])(
  '%j is no cursor',
  (text) => {
    expect(() => decodeEventCursor(text)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', issues: [expect.objectContaining({ path: ['after'] })] }),
    );
  },
);
