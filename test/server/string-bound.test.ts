import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStringBound } from '../../src/server/string-bound.ts';
import { anyCodePoint } from '../support/any-text.ts';

/** Every string of a JSON text as it stands there, without its quotes. */
const stringsOf = (json: string) => [...json.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, inside = '']) => inside);

test('a JSON text is refused where one of its strings is too long, however it is cut', () => {
  const hard = fc.oneof(fc.string({ unit: anyCodePoint }), fc.string({ unit: fc.constantFrom('"', '\\', 'a') }));
  fc.assert(
    fc.property(
      fc.jsonValue({ stringUnit: anyCodePoint }),
      fc.array(hard),
      fc.array(fc.nat(200)),
      fc.nat(40),
      (value, strings, cuts, maxBytes) => {
        const text = JSON.stringify([value, ...strings]);
        const json = Buffer.from(text);
        const isTooLong = stringsOf(text).some((inside) => Buffer.byteLength(inside) > maxBytes);
        const look = createStringBound(maxBytes);
        const places = [0, ...cuts.toSorted((a, b) => a - b), json.length];
        const read = () => {
          for (const [index, end] of places.slice(1).entries()) look(json.subarray(places[index], end));
        };
        if (isTooLong) expect(read).toThrow(`more than ${maxBytes} bytes`);
        else expect(read).not.toThrow();
      },
    ),
  );
});
