/** What a file most likely is, from its first line: a suggestion that the form begins with. */
import type { ImportFormat, ImportKind } from '../../client/generated/graphql.ts';

export interface Guess {
  readonly kind: ImportKind;
  readonly format: ImportFormat;
}

/** Names that only rows of one kind have (interface.md, "Rows of an import"), the most telling first. */
const TELLING: readonly (readonly [ImportKind, RegExp])[] = [
  ['SEGMENT_MEMBERS', /\bsegmentId\b/],
  ['RECORDS', /\bconsentTimestamp\b/],
  ['OUTBOUND_CONTACTS', /\b(?:externalId|doNotCall)\b/],
  ['ATTRIBUTES', /\bcontactId\b/],
  ['CONTACTS', /\b(?:phoneNumbers|emailAddresses|external_ref_id|customAttributes)\b/],
];

/** How much of a file is looked at, in bytes. */
const LOOKED_AT = 4096;

export async function guessKind(file: File): Promise<Guess> {
  const [firstLine = ''] = (await file.slice(0, LOOKED_AT).text()).split('\n', 1);
  const isJson = /\.(?:ndjson|jsonl)$/i.test(file.name) || firstLine.trimStart().startsWith('{');
  const kind = TELLING.find(([, name]) => name.test(firstLine))?.[0] ?? 'OUTBOUND_CONTACTS';
  return { kind, format: isJson ? 'NDJSON' : 'CSV' };
}
