/**
 * Reads the warnings and errors of a batch of records. Each is a text or `{index?, contactId?, code?, message}` (A,
 * cxone-api.md, section 3), so what they name is looked for wherever it can stand.
 */
import { z } from 'zod';
import { cleanText, wireCode } from '../../cxone/error-body.ts';
import type { Issue } from '../../errors.ts';

export interface Notice extends Issue {
  /** The item's place in the batch; undefined where the notice names none. */
  readonly index: number | undefined;
  readonly isDuplicate: boolean;
}

const wireNotice = z.object({
  index: z.number().optional().catch(undefined),
  contactId: z.union([z.string(), z.number()]).optional().catch(undefined),
  code: wireCode.optional().catch(undefined),
  message: z.string().optional().catch(undefined),
});

/** One notice for each entry. @param contactIds those of the batch, in its order; no two the same */
export function readNotices(entries: readonly unknown[], contactIds: readonly string[]): Notice[] {
  const places = new Map(contactIds.map((id, index) => [id, index]));
  return entries.map((entry) => {
    const { index, contactId, code, message = '' } = wireNotice.safeParse(entry).data ?? { message: String(entry) };
    const named = contactId === undefined ? undefined : places.get(String(contactId));
    const counted = index !== undefined && Number.isInteger(index) && index >= 0 && index < contactIds.length;
    return {
      index: named ?? (counted ? index : findIn(message, places)),
      isDuplicate: soundsLikeDuplicate(`${code ?? ''} ${message}`),
      path: [],
      code: code ?? 'REFUSED',
      message: cleanText(message) ?? 'CXone refused it and gave no reason.',
    };
  });
}

export function soundsLikeDuplicate(text: string): boolean {
  return /dup|already|exist/i.test(text);
}

/** The batch's contact whose id stands in the text: as a whole word, the first of them, the longest where several begin there. */
function findIn(text: string, places: ReadonlyMap<string, number>): number | undefined {
  let found: { at: number; length: number; index: number } | undefined;
  for (const [id, index] of places) {
    const at = indexOfWord(text, id);
    if (at === -1) continue;
    if (!found || at < found.at || (at === found.at && id.length > found.length))
      found = { at, length: id.length, index };
  }
  if (found) return found.index;
  const counted = /(?:records\[|index\s*:?\s*|^#?)(\d{1,4})\b/i.exec(text)?.[1];
  return counted !== undefined && Number(counted) < places.size ? Number(counted) : undefined;
}

function indexOfWord(text: string, word: string): number {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    if (!isPartOfId(text[at - 1]) && !isPartOfId(text[at + word.length])) return at;
  }
  return -1;
}

function isPartOfId(character: string | undefined): boolean {
  return character !== undefined && /[\w-]/.test(character);
}
