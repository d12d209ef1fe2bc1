/** A bound on the strings of a JSON body that holds while it comes in, before anything is made of it. */
import { GatewayError } from '../errors.ts';

/**
 * Counts the bytes of each string as they stand there, escapes written out. Of what is no JSON it may refuse anything;
 * something else will.
 *
 * Quotes are looked for in a text of each piece, which is faster than looking at bytes one by one. And it is garbage that
 * fills the young generation: that is collected the sooner, and with it pieces of bodies that were refused. They lie
 * outside of the heap, where garbage alone would pile up to 64 MB before anybody looks.
 *
 * @returns takes the next piece. Throws GatewayError LIMIT_EXCEEDED once a string is too long.
 */
export function createStringBound(maxBytes: number): (piece: Buffer) => void {
  let isInside = false;
  let bytes = 0;
  /** Backslashes that the text so far ends with. */
  let backslashes = 0;

  function count(more: number): void {
    if (!isInside) return;
    bytes += more;
    if (bytes <= maxBytes) return;
    throw new GatewayError(
      'LIMIT_EXCEEDED',
      `The document, or another string, takes more than ${maxBytes} bytes. Put values into variables, or send several operations.`,
    );
  }

  /** In front of this place in the text. */
  function backslashesBefore(text: string, place: number): number {
    let at = place;
    while (at > 0 && text[at - 1] === '\\') at -= 1;
    return place - at + (at === 0 ? backslashes : 0);
  }

  return (piece) => {
    // A character for each byte: those of the others in UTF-8 are no quotes and no backslashes.
    const text = piece.toString('latin1');
    let from = 0;
    for (let quote = text.indexOf('"'); quote !== -1; quote = text.indexOf('"', quote + 1)) {
      if (backslashesBefore(text, quote) % 2 === 1) continue;
      count(quote - from);
      isInside = !isInside;
      bytes = 0;
      from = quote + 1;
    }
    count(text.length - from);
    backslashes = backslashesBefore(text, text.length);
  };
}
