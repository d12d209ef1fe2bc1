/**
 * Opaque page cursors: versioned JSON in base64url that names its connection, so that a cursor of one list, of an
 * older gateway or of nobody's making is told apart from a good one and refused.
 */
import { z } from 'zod';
import { ValidationError } from '../errors.ts';

const VERSION = 1;

/** Longer than any cursor of ours: what is longer is not even decoded. */
const MAX_CURSOR_LENGTH = 1024;

const envelope = z.tuple([z.literal(VERSION), z.string(), z.unknown()]);

export interface CursorCodec<T> {
  encode(position: T): string;
  /** @throws ValidationError (INVALID_CURSOR) at `after` for what `encode` did not make */
  decode(cursor: string): T;
}

/** The cursors of one connection. `name` sets it apart from the others, `position` is where in its order an item stands. */
export function createCursorCodec<T>(name: string, position: z.ZodType<T>): CursorCodec<T> {
  return {
    encode: (value) => Buffer.from(JSON.stringify([VERSION, name, value])).toString('base64url'),
    decode(cursor) {
      const [, kind, value] = envelope.safeParse(readJson(cursor)).data ?? [];
      const read = kind === name ? position.safeParse(value) : undefined;
      if (!read?.success) {
        const message = 'This is not a cursor of this list. Give one that it gave out, or none.';
        throw new ValidationError([{ path: ['after'], code: 'INVALID_CURSOR', message }]);
      }
      return read.data;
    },
  };
}

function readJson(cursor: string): unknown {
  if (cursor.length > MAX_CURSOR_LENGTH) return undefined;
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.toString('base64url') !== cursor) return undefined; // Buffer skips what is not base64url.
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
