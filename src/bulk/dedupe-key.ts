/** What makes two rows of an import the same, as a key of few bytes. */
import { hash } from 'node:crypto';

/** SHA-256 of the text: 32 characters of one byte each. A buffer of its own for each row would cost more than the hash. */
export function dedupeKey(text: string): string {
  return hash('sha256', text, 'binary');
}
