/** The inputs of the mutations that begin an import. */
import type { ImportKindName } from '../bulk/import-kind.ts';
import type { DuplicatePolicyRef } from '../bulk/schema.ts';
import { ValidationError } from '../errors.ts';
import type { Builder } from '../graphql/builder.ts';
import { decodeGlobalId } from '../graphql/global-ids.ts';
import { TARGET_TYPE } from './model.ts';
import type { ImportRequest } from './service.ts';

export function addImportInputs(builder: Builder, duplicatePolicy: DuplicatePolicyRef) {
  const kind = builder.enumType('ImportKind', {
    description: 'What rows become.',
    values: {
      CONTACTS: { description: 'Contacts of an address book, upserted.' },
      RECORDS: { description: 'Consent records of a contact list, 100 a call.' },
      OUTBOUND_CONTACTS: { description: 'Contacts of an outbound list, 1000 a call.' },
      ATTRIBUTES: { description: 'Attributes of contacts on a list, in batches bounded by a campaign.' },
      SEGMENT_MEMBERS: { description: 'Members of static segments, 200 a call.' },
    } as const,
  });
  const format = builder.enumType('ImportFormat', {
    description: 'The format of an uploaded file.',
    values: {
      CSV: { description: 'Comma-, semicolon- or tab-separated, with a header.' },
      NDJSON: { description: 'One JSON object a line.' },
    } as const,
  });
  const encoding = builder.enumType('TextEncoding', {
    description: 'How the bytes of a file become text.',
    values: {
      UTF_8: { description: 'UTF-8, with or without a byte order mark.' },
      ISO_8859_1: { description: 'ISO-8859-1 (Latin-1).' },
      WINDOWS_1252: { description: 'Windows-1252, as older spreadsheets write it.' },
    } as const,
  });
  const invalidText = builder.enumType('InvalidTextPolicy', {
    description: 'What to do with bytes that are no text in the encoding.',
    values: {
      REJECT: { description: 'Refuse the file and name the place.' },
      REPLACE: { description: 'Replace them with U+FFFD and count them in the audit.' },
    } as const,
  });

  const fieldMapping = builder.inputType('FieldMapping', {
    description: 'Renames one column.',
    fields: (t) => ({
      source: t.string({ required: true, description: 'The name in the rows.' }),
      target: t.string({ required: true, description: 'CXone’s name; dots reach into objects.' }),
    }),
  });
  const options = builder.inputType('ImportOptions', {
    description: 'How rows are read and what happens to them.',
    fields: (t) => ({
      fieldMapping: t.field({
        type: [fieldMapping],
        description:
          'Renames columns: from the row’s name to CXone’s. Dots reach into objects: customFields.first_name.',
      }),
      onDuplicate: t.field({
        type: duplicatePolicy,
        description: 'Items that are already there. Without it: UPDATE for CONTACTS, SKIP for the others.',
      }),
      defaultCountry: t.string({
        description:
          'ISO 3166-1 alpha-2: how phone numbers without a country code are read. Without it they are rejected.',
      }),
      encoding: t.field({ type: encoding, required: true, defaultValue: 'UTF_8', description: 'Of an uploaded file.' }),
      invalidText: t.field({
        type: invalidText,
        required: true,
        defaultValue: 'REJECT',
        description: 'Bytes of an uploaded file that are no text in its encoding.',
      }),
      callbackUrl: t.string({
        description: 'Told of every finished batch and of the end. Its host must be allowed by the configuration.',
      }),
      maxFailures: t.int({
        description:
          'Stops the import (state FAILED, the rest not sent) once more rows than this were refused by CXone.',
      }),
      validateOnly: t.boolean({
        required: true,
        defaultValue: false,
        description: 'Checks every row and sends nothing.',
      }),
    }),
  });

  const idempotencyKey = 'The same key again gives the first call’s result, for 24 hours.';
  const startImport = builder.inputType('StartImportInput', {
    description: 'An import of rows given in the call: at most 10 000; more go through createImportUpload.',
    fields: (t) => ({
      kind: t.field({ type: kind, required: true, description: 'What the rows become.' }),
      targetId: t.id({ description: 'The address book or contact list; none for SEGMENT_MEMBERS.' }),
      campaignId: t.id({ description: 'The campaign that bounds batches of ATTRIBUTES.' }),
      rows: t.field({ type: ['JSONObject'], required: true, description: 'The rows, in CXone’s own shape.' }),
      options: t.field({ type: options, description: 'How to read them.' }),
      idempotencyKey: t.string({ description: idempotencyKey }),
    }),
  });
  const createUpload = builder.inputType('CreateImportUploadInput', {
    description: 'An import whose rows come as a file.',
    fields: (t) => ({
      kind: t.field({ type: kind, required: true, description: 'What the rows become.' }),
      targetId: t.id({ description: 'The address book or contact list; none for SEGMENT_MEMBERS.' }),
      campaignId: t.id({ description: 'The campaign that bounds batches of ATTRIBUTES.' }),
      format: t.field({ type: format, required: true, description: 'Of the file.' }),
      options: t.field({ type: options, description: 'How to read it.' }),
      idempotencyKey: t.string({ description: idempotencyKey }),
    }),
  });
  const assign = builder.inputType('AssignContactsToSegmentsInput', {
    description: 'Every one of the contacts into every one of the segments.',
    fields: (t) => ({
      contactIds: t.stringList({ required: true, description: 'CXone’s ids of the contacts.' }),
      segmentIds: t.idList({ required: true, description: 'The global ids of static segments.' }),
      idempotencyKey: t.string({ description: idempotencyKey }),
    }),
  });
  return { kind, startImport, createUpload, assign };
}

type Inputs = ReturnType<typeof addImportInputs>;
type BeginInput = Omit<Inputs['startImport']['$inferInput'], 'rows'>;

/** @throws ValidationError where an id is not of the type the kind writes to */
export function toImportRequest({ kind, targetId, campaignId, options }: BeginInput): ImportRequest {
  return {
    kind,
    targetId: targetId === null || targetId === undefined ? null : readTarget(kind, targetId),
    campaignId:
      campaignId === null || campaignId === undefined ? null : decodeGlobalId(campaignId, 'Campaign', ['campaignId']),
    // Nulls mean the same as leaving out; the service drops them.
    options: (options ?? {}) as ImportRequest['options'],
  };
}

function readTarget(kind: ImportKindName, id: string): string {
  if (kind !== 'SEGMENT_MEMBERS') return decodeGlobalId(id, TARGET_TYPE[kind], ['targetId']);
  const message = `The rows of kind ${kind} name their target themselves. Leave this out.`;
  throw new ValidationError([{ path: ['targetId'], code: 'NOT_ALLOWED', message }]);
}
