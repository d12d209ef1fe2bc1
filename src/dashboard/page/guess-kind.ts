/** What a file most likely is, from its first line: a suggestion that the form begins with. */
import type { ImportFormat, ImportKind } from '../../client/generated/graphql.ts';

export interface Guess {
  readonly kind: ImportKind;
  readonly format: ImportFormat;
}

/** Whether a file is packed with gzip, by its first two bytes. */
export async function isGzip(file: Blob): Promise<boolean> {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  return first === 0x1f && second === 0x8b;
}

/** Names that only rows of one kind have (interface.md, "Rows of an import"), the most telling first. */
const TELLING: readonly (readonly [ImportKind, RegExp])[] = [
  ['SEGMENT_MEMBERS', /\bsegmentId\b/],
  ['RECORDS', /\bconsentTimestamp\b/],
  ['OUTBOUND_CONTACTS', /\b(?:externalId|doNotCall)\b/],
  ['ATTRIBUTES', /\bcontactId\b/],
  ['CONTACTS', /\b(?:phoneNumbers|emailAddresses|external_ref_id|customAttributes)\b/],
];

/** How much of a file is looked at, in bytes as it lies on the disk. */
const LOOKED_AT = 4096;

export async function guessKind(file: File): Promise<Guess> {
  const [firstLine = ''] = (await readBeginning(file)).split('\n', 1);
  const isJson = /\.(?:ndjson|jsonl)(?:\.gz)?$/i.test(file.name) || firstLine.trimStart().startsWith('{');
  const kind = TELLING.find(([, name]) => name.test(firstLine))?.[0] ?? 'OUTBOUND_CONTACTS';
  return { kind, format: isJson ? 'NDJSON' : 'CSV' };
}

async function readBeginning(file: File): Promise<string> {
  const beginning = file.slice(0, LOOKED_AT);
  if (!(await isGzip(file))) return beginning.text();
  const reader = beginning.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  // What was cut off makes the stream fail at its end: its first piece is all that is wanted.
  const { value } = await reader.read().catch(() => ({ value: undefined }));
  reader.cancel().catch(() => {});
  return new TextDecoder().decode(value);
}
