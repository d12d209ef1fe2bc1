import fc from 'fast-check';
import { expect, test } from 'vitest';
import { widthPieces } from '../../../src/imports/reading/width-pieces.ts';

const characters = fc.constantFrom('a', 'b', ',', '"', 'é', 'ÿ', 'Ā', '€', '😀', '\r');
const isWide = (text: string) => /[^\0-\xff]/.test(text);

test('pieces are the bytes as they were, cut behind line breaks alone', () => {
  const text = fc.string({ unit: fc.oneof(characters, fc.constant('\n')), maxLength: 1000, size: 'max' });
  fc.assert(
    fc.property(text, (given) => {
      const pieces = widthPieces(Buffer.from(given));
      expect(Buffer.concat(pieces).toString()).toBe(given);
      for (const piece of pieces.slice(0, -1)) expect(piece.at(-1)).toBe(0x0a);
    }),
  );
});

test('no line makes another one wide, unless they are very short', () => {
  const line = fc.string({ unit: characters, minLength: 64, maxLength: 80, size: 'max' });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const pieces = widthPieces(Buffer.from(lines.map((text) => `${text}\n`).join('')));
      const found = pieces.flatMap((piece) => {
        const inPiece = piece.toString().split('\n').slice(0, -1);
        return inPiece.map((text) => ({ text, isPieceWide: isWide(piece.toString()) }));
      });
      expect(found).toEqual(lines.map((text) => ({ text, isPieceWide: isWide(text) })));
    }),
  );
});

test('the pieces of short lines are not many', () => {
  const bytes = Buffer.from('a\n€\n'.repeat(10_000));
  expect(widthPieces(bytes).length).toBeLessThan(bytes.length / 64 + 3);
});
