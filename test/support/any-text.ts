/** Any code point: what fast-check calls `binary`, which takes seconds to be made ready in every file. */
import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };

/** As the `unit` of `fc.string`. */
export const anyCodePoint: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - SURROGATES.count })
  .map((number) => String.fromCodePoint(number < SURROGATES.first ? number : number + SURROGATES.count));
