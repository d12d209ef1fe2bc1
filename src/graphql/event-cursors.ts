/** Cursors of the event log as clients hold them: opaque, versioned, checked. */
import { ValidationError } from '../errors.ts';

const FORM = /^e1\.([0-9a-z]{1,11})$/;

/** The cursor behind the event with this sequence number. */
export function encodeEventCursor(seq: number): string {
  return `e1.${seq.toString(36)}`;
}

/** The sequence number behind a cursor. @throws ValidationError (INVALID_CURSOR) at `after` for what is none */
export function decodeEventCursor(cursor: string): number {
  const seq = Number.parseInt(FORM.exec(cursor)?.[1] ?? '', 36);
  if (Number.isSafeInteger(seq)) return seq;
  const message = 'This is not a cursor of an event. Give that of an event, or none.';
  throw new ValidationError([{ path: ['after'], code: 'INVALID_CURSOR', message }]);
}
