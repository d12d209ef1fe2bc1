/**
 * Cuts UTF-8 between lines that fit one byte a character, as JavaScript keeps them, and lines that do not. A single wide
 * character makes all of the text that is decoded with it take two bytes for each; what is cut from such a text stays
 * so, and takes twice as long to be written as JSON.
 */

const LF = 0x0a;
/** The first byte of U+0100, and no greater one comes before it. */
const FIRST_WIDE = 0xc4;
/** A shorter piece is not cut off for being narrow: it would cost more than it saves. */
const MIN_PIECE_BYTES = 64;

/**
 * The bytes as they are, in pieces. The first line and what stands behind the last line break are pieces of their own:
 * they go on in other bytes.
 */
export function widthPieces(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  let pieceAt = 0;
  let lineAt = 0;
  let isPieceWide = false;
  let isLineWide = false;
  const cutAt = (at: number) => {
    if (at > pieceAt) pieces.push(bytes.subarray(pieceAt, at));
    pieceAt = at;
    isPieceWide = isLineWide;
  };
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte >= FIRST_WIDE) isLineWide = true;
    if (byte !== LF) continue;
    if (isLineWide !== isPieceWide && lineAt - pieceAt >= MIN_PIECE_BYTES) cutAt(lineAt);
    isPieceWide ||= isLineWide;
    isLineWide = false;
    if (lineAt === 0) cutAt(at + 1);
    lineAt = at + 1;
  }
  cutAt(lineAt);
  cutAt(bytes.length);
  return pieces;
}
