/** From the options of `import` to what the gateway is asked for. */
import type { CreateImportUploadInput, ImportFormat, ImportKind, ImportOptions } from '../client/generated/graphql.ts';
import type { OptionValues } from './run-command.ts';
import { UsageError } from './usage.ts';

const KINDS = {
  outbound: 'OUTBOUND_CONTACTS',
  contacts: 'CONTACTS',
  records: 'RECORDS',
  attributes: 'ATTRIBUTES',
  segments: 'SEGMENT_MEMBERS',
} as const satisfies Record<string, ImportKind>;
const FORMATS = { csv: 'CSV', ndjson: 'NDJSON' } as const;
const ENCODINGS = { 'utf-8': 'UTF_8', 'iso-8859-1': 'ISO_8859_1', 'windows-1252': 'WINDOWS_1252' } as const;
const INVALID_TEXT = { reject: 'REJECT', replace: 'REPLACE' } as const;
const DUPLICATES = { skip: 'SKIP', update: 'UPDATE', fail: 'FAIL' } as const;

/** @throws UsageError */
export function readImportRequest(file: string, values: OptionValues): { input: CreateImportUploadInput } {
  const kind = oneOf('--kind', KINDS, values.kind);
  if (kind === undefined) throw new UsageError(`--kind is missing. It is one of ${Object.keys(KINDS).join(', ')}.`);
  return {
    input: {
      kind,
      ...targetOf(kind, values),
      ...(values.campaign !== undefined && { campaignId: globalId('Campaign', values.campaign) }),
      format: oneOf('--format', FORMATS, values.format) ?? formatOf(file),
      options: readOptions(values),
    },
  };
}

function targetOf(kind: ImportKind, { list, book }: OptionValues): { targetId?: string } {
  if (kind === 'SEGMENT_MEMBERS') {
    if (list !== undefined || book !== undefined)
      throw new UsageError('Rows of kind segments name their segment themselves. Leave --list and --book out.');
    return {};
  }
  const isBook = kind === 'CONTACTS';
  const [wanted, other] = isBook ? [book, list] : [list, book];
  if (!wanted || other !== undefined)
    throw new UsageError(
      isBook
        ? 'Contacts go into an address book. Give it: --book ID.'
        : 'These go into a contact list. Give it: --list ID.',
    );
  return { targetId: globalId(isBook ? 'AddressBook' : 'ContactList', wanted) };
}

function readOptions(values: OptionValues): ImportOptions {
  const encoding = oneOf('--encoding', ENCODINGS, values.encoding);
  const invalidText = oneOf('--invalid-text', INVALID_TEXT, values['invalid-text']);
  return {
    fieldMapping: values.map?.map(readMapping),
    defaultCountry: values['default-country']?.toUpperCase(),
    ...(encoding !== undefined && { encoding }),
    ...(invalidText !== undefined && { invalidText }),
    onDuplicate: oneOf('--on-duplicate', DUPLICATES, values['on-duplicate']),
    maxFailures: values['max-failures'] === undefined ? undefined : readCount(values['max-failures']),
    callbackUrl: values.callback,
    validateOnly: values['validate-only'] ?? false,
  };
}

function readMapping(text: string) {
  const at = text.indexOf('=');
  const [source, target] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || target === '') throw new UsageError(`--map takes SOURCE=TARGET, not ${text}.`);
  return { source, target };
}

function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--max-failures takes a whole number, not ${text}.`);
  return Number(text);
}

function formatOf(file: string): ImportFormat {
  if (/\.(?:csv|tsv|txt)(?:\.gz)?$/i.test(file)) return 'CSV';
  if (/\.(?:ndjson|jsonl)(?:\.gz)?$/i.test(file)) return 'NDJSON';
  throw new UsageError(`--format is missing: the name ${file} does not tell whether it is csv or ndjson.`);
}

function oneOf<T>(option: string, known: Readonly<Record<string, T>>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  const name = text.toLowerCase();
  if (Object.hasOwn(known, name)) return known[name];
  throw new UsageError(`${option} is one of ${Object.keys(known).join(', ')}, not ${text}.`);
}

/** Takes CXone's own ids as they are, and global ids too. */
function globalId(type: string, id: string): string {
  return id.startsWith('gid://') ? id : `gid://cxone/${type}/${encodeURIComponent(id)}`;
}

/** What of the request came from which option. */
const OPTIONS_BY_PATH: readonly (readonly [string, string])[] = [
  ['targetId', '--list or --book'],
  ['campaignId', '--campaign'],
  ['options.fieldMapping', '--map'],
  ['options.defaultCountry', '--default-country'],
  ['options.maxFailures', '--max-failures'],
  ['options.callbackUrl', '--callback'],
  ['options.onDuplicate', '--on-duplicate'],
];

/** The option that a fault in the request is about, or where it is in the request. */
export function optionOf(path: readonly string[]): string {
  const place = path.join('.');
  const [, option = place] = OPTIONS_BY_PATH.find(([of]) => place === of || place.startsWith(`${of}.`)) ?? [];
  return option;
}
