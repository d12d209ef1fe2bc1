import fc from 'fast-check';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { expect, test } from 'vitest';
import { createPhoneNormaliser } from '../src/phone-numbers.ts';

/** What the library makes of this very text. */
function read(text: string): string | undefined {
  const number = parsePhoneNumberFromString(text, { extract: false });
  return number?.isPossible() && !number.ext ? number.number : undefined;
}

/** Country codes of one to three digits, with and without a national prefix behind them, and some that do not exist. */
const codes = [
  '1',
  '7',
  '20',
  '33',
  '39',
  '390',
  '44',
  '440',
  '49',
  '490',
  '353',
  '3530',
  '358',
  '598',
  '81',
  '999',
  '21',
];
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 4, maxLength: 13 });
const number = fc.tuple(fc.constantFrom(...codes), digits).map(([code, rest]) => `+${code}${rest}`);
const gaps = fc.array(fc.constantFrom('', '', '', ' ', '-', '.', '(', ')', ' ('), { maxLength: 20 });
const spaced = (number: string, between: readonly string[]) =>
  [...number].map((character, index) => (index === 0 ? character : character + (between[index] ?? ''))).join('');

test('how a number with a country code is spaced makes no difference, here as in the library', () => {
  fc.assert(
    fc.property(number, gaps, (plain, between) => {
      const text = spaced(plain, between);
      expect(read(text)).toBe(read(plain));
      expect(createPhoneNormaliser().normalise(text)).toBe(createPhoneNormaliser().normalise(plain));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['+1 (201) 555-0100', '+12015550100'],
  ['+44 (0)20 7946 0958', '+442079460958'],
  ['+49.30.1234567', '+49301234567'],
  ['+39 06 698 12345', '+390669812345'],
])('%s is %s', (text, expected) => {
  expect(createPhoneNormaliser().normalise(text)).toBe(expected);
});
