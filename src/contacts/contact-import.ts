/**
 * Imports of kind CONTACTS: upserts into an address book. CXone has no bulk write for these contacts, so a batch is a
 * set of single changes, at most 15 at a time (the client's bound); all of them may be repeated.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { AddressBooks } from '../address-books/service.ts';
import type { BulkOperation, BulkResult, ItemOutcome } from '../bulk/bulk-operation.ts';
import { dedupeKey } from '../bulk/dedupe-key.ts';
import type { DuplicatePolicy, ImportKind, RowCheck } from '../bulk/import-kind.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import type { CxoneClient } from '../cxone/client.ts';
import {
  ConflictError,
  GatewayError,
  type Issue,
  isUnavailable,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
  ValidationError,
} from '../errors.ts';
import { createPhoneNormaliser } from '../phone-numbers.ts';
import { keyOf } from './keys.ts';
import { applyPatch } from './merge.ts';
import type { WireContact } from './model.ts';
import type { Contacts } from './service.ts';
import { type ContactInput, checkContact } from './validate.ts';

/** Rows booked together. Each is a call of its own, so a batch is small: it is what a crash makes us look at again. */
const ROWS_PER_BATCH = 50;
/** Batches under way at once: while the last rows of one are answered, those of the next fill the book's 15 places. */
const BATCHES_UNDER_WAY = 2;
/** Rounds in which rows that CXone could not take just then are tried again before they count as failed. */
const MAX_ROUNDS = 6;

const text = z.union([z.string(), z.number().transform(String)]).nullish();
/** A CSV has words where JSON has booleans. */
const flag = z
  .union([
    z.boolean(),
    z.enum(['true', 'false', 'TRUE', 'FALSE', 'True', 'False']).transform((word) => /^t/i.test(word)),
  ])
  .nullish();
const type = z.string().optional();

const contactRow = z.strictObject({
  firstName: text,
  lastName: text,
  phoneNumbers: z
    .array(z.strictObject({ number: z.union([z.string(), z.number().transform(String)]), type, primary: flag }))
    .nullish(),
  emailAddresses: z.array(z.strictObject({ address: z.string(), type, primary: flag })).nullish(),
  customAttributes: z.record(z.string(), z.unknown()).nullish(),
});

export function createContactImportKind(deps: {
  contacts: Contacts;
  addressBooks: AddressBooks;
  cxone: Pick<CxoneClient, 'whenAvailable'>;
  clock: Clock;
}): ImportKind<ContactInput> {
  const { addressBooks } = deps;
  return {
    name: 'CONTACTS',
    targetType: 'AddressBook',
    takesCampaign: false,
    defaultOnDuplicate: 'UPDATE',
    severalSenders: true,
    columns: {
      known: ['firstName', 'lastName', 'phoneNumbers', 'emailAddresses', 'customAttributes'],
      aliases: {
        phone: 'phoneNumbers.0.number',
        email: 'emailAddresses.0.address',
        external_ref_id: 'customAttributes.external_ref_id',
      },
      rest: 'customAttributes',
    },

    async open({ targetId }, { defaultCountry }, call) {
      const target = targetId ?? '';
      const book = await addressBooks.get(target, call);
      if (!book) return null;
      const phones = createPhoneNormaliser(defaultCountry);
      return (row): RowCheck<ContactInput> => {
        const shaped = contactRow.safeParse(row);
        if (!shaped.success) return { issues: shaped.error.issues.map(toIssue) };
        const options = { path: [], definitions: book.wire.fieldDefinitions ?? undefined, phones, castText: true };
        const { patch, issues } = checkContact(shaped.data, options);
        if (issues.length > 0) return { issues: [...issues] };
        if (!keyOf(patch)) return { issues: [NO_KEY] };
        const item: ContactInput = patch;
        return { item, target, dedupeKey: dedupeKey(JSON.stringify(item)) };
      };
    },

    operation: (_place, options) => createContactOperation(deps, options),
  };
}

const NO_KEY: Issue = {
  path: [],
  code: 'NO_KEY',
  message:
    'An external_ref_id, or an email with first and last name, is required: without, nothing tells whether the contact is there already.',
};

/** What a row must look like, by the name of the field (that of the list, for what stands in one). */
const SHAPES: Readonly<Record<string, string>> = {
  firstName: 'text',
  lastName: 'text',
  phoneNumbers: 'a list of phones: [{number, type, primary}]',
  emailAddresses: 'a list of addresses: [{address, type, primary}]',
  customAttributes: 'an object of names and values',
};

function toIssue({ path, code }: z.core.$ZodIssue): Issue {
  const [field = ''] = path.map(String);
  const shape = SHAPES[field];
  const message =
    shape === undefined
      ? `A contact has no other fields than ${Object.keys(SHAPES).join(', ')}.`
      : `Expected ${shape}, as ${field}.`;
  return { path: path.map(String), code: code.toUpperCase(), message };
}

type Deps = Parameters<typeof createContactImportKind>[0];

function createContactOperation(
  { contacts, cxone, clock }: Deps,
  options: { onDuplicate: DuplicatePolicy; defaultCountry?: string | undefined },
): BulkOperation<ContactInput> {
  type Upserting = (bookId: string, item: ContactInput, call: CallContext) => Promise<ItemOutcome>;

  /**
   * Every row on its own; those that CXone could not take just then again, once it can. One that was sent without an
   * answer goes on by `settleOne`: its key tells whether it is there, if not at once.
   */
  async function runAll(
    bookId: string,
    items: readonly ContactInput[],
    call: CallContext,
    one: Upserting,
  ): Promise<BulkResult> {
    const startedAt = clock.monotonic();
    const outcomes = new Array<ItemOutcome>(items.length);
    const unanswered = new Map<number, OutcomeUnknownError>();
    let left = items.map((_, index) => index);
    for (let round = 1; left.length > 0; round += 1) {
      const again: number[] = [];
      await Promise.all(
        left.map(async (index) => {
          const lost = unanswered.get(index);
          try {
            outcomes[index] = await (lost ? settleOne : one)(bookId, items[index] as ContactInput, call);
          } catch (error) {
            if (call.signal?.aborted) throw error;
            if (error instanceof OutcomeUnknownError) unanswered.set(index, error);
            if (mayPass(error) && round < MAX_ROUNDS) again.push(index);
            // What CXone finds wrong with a row, it found wrong with it the first time: all else leaves it unknown.
            else outcomes[index] = failureOf(lost && !(error instanceof ValidationError) ? lost : error);
          }
        }),
      );
      left = again;
      if (left.length > 0) await cxone.whenAvailable('addressBooks', call.signal);
    }
    return { outcomes, upstreamRequestId: undefined, latencyMs: clock.monotonic() - startedAt };
  }

  async function upsertOne(bookId: string, item: ContactInput, call: CallContext): Promise<ItemOutcome> {
    const { outcome } = await contacts.upsertForImport(bookId, item, options, call);
    return { status: STATUS[outcome] };
  }

  /**
   * A row that may have been written before. Only where rows that are there are to be left or reported, one that we
   * wrote must not look like one that was there before: a contact that is just what the row makes it counts as ours.
   */
  async function settleOne(bookId: string, item: ContactInput, call: CallContext): Promise<ItemOutcome> {
    const onDuplicate = options.onDuplicate === 'UPDATE' ? 'UPDATE' : 'SKIP';
    const { outcome, contact } = await contacts.upsertForImport(bookId, item, { ...options, onDuplicate }, call);
    if (outcome !== 'SKIPPED') return { status: STATUS[outcome] };
    if (isMadeBy(item, contact.wire)) return { status: 'created' };
    return options.onDuplicate === 'SKIP' ? { status: 'skipped' } : { status: 'failed', issue: THERE_ALREADY };
  }

  return {
    name: 'contacts',
    concurrency: BATCHES_UNDER_WAY,
    maxBatchSize: () => Promise.resolve(ROWS_PER_BATCH),

    send: (bookId, items, _attempt, call) => runAll(bookId, items, call, upsertOne),

    /** An upsert may be repeated. */
    async settle(bookId, items, _attempt, call) {
      return { verdict: 'settled', result: await runAll(bookId, items, call, settleOne) };
    },
  };
}

/** What is as the row wants it is where the import wanted it, whoever put it there. */
const STATUS = { CREATED: 'created', UPDATED: 'updated', UNCHANGED: 'updated', SKIPPED: 'skipped' } as const;

/** Whether putting the row onto the contact would change nothing. */
function isMadeBy(item: ContactInput, wire: WireContact): boolean {
  const options = { path: [], definitions: undefined, phones: createPhoneNormaliser(), castText: true };
  return isDeepStrictEqual(applyPatch(wire, checkContact(item, options).patch), wire);
}

const THERE_ALREADY: Issue = { path: [], code: 'DUPLICATE', message: 'The contact is there already.' };

/** What speaks of CXone or of the gateway rather than of the row, and may have passed by the next round. */
function mayPass(error: unknown): boolean {
  if (error instanceof UpstreamError) return error.retryable;
  return error instanceof RateLimitedError || error instanceof OutcomeUnknownError || isUnavailable(error);
}

function failureOf(error: unknown): ItemOutcome {
  // The database is away: that is no answer to any row, the batch is settled when it is back.
  if (!(error instanceof GatewayError) || isUnavailable(error)) throw error;
  const status = error instanceof OutcomeUnknownError ? 'unknown' : 'failed';
  const issues = error instanceof ValidationError || error instanceof UpstreamError ? error.issues : [];
  const code = error instanceof ConflictError ? error.reason : error.code;
  return { status, issue: issues[0] ?? { path: [], code, message: error.message } };
}
