/** A bound on the strings of a JSON text that holds while the text comes in, before anything is made of it. */
import { GatewayError } from '../errors.ts';

/**
 * Counts the characters of each string as they stand there, escapes written out. Of what is no JSON it may refuse
 * anything; something else will.
 * @returns takes the next piece of the text. Throws GatewayError LIMIT_EXCEEDED once a string is too long.
 */
export function createStringBound(maxCharacters: number): (piece: string) => void {
  let isInside = false;
  let characters = 0;
  /** Backslashes that the text so far ends with. */
  let backslashes = 0;

  function count(more: number): void {
    if (!isInside) return;
    characters += more;
    if (characters <= maxCharacters) return;
    throw new GatewayError(
      'LIMIT_EXCEEDED',
      `The document, or another string, has more than ${maxCharacters} characters. Put values into variables, or send several operations.`,
    );
  }

  /** In front of this place in the piece. */
  function backslashesBefore(piece: string, place: number): number {
    let at = place;
    while (at > 0 && piece[at - 1] === '\\') at -= 1;
    return place - at + (at === 0 ? backslashes : 0);
  }

  return (piece) => {
    let from = 0;
    for (let quote = piece.indexOf('"'); quote !== -1; quote = piece.indexOf('"', quote + 1)) {
      if (backslashesBefore(piece, quote) % 2 === 1) continue;
      count(quote - from);
      isInside = !isInside;
      characters = 0;
      from = quote + 1;
    }
    count(piece.length - from);
    backslashes = backslashesBefore(piece, piece.length);
  };
}
