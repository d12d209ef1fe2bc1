/**
 * Contacts of an outbound list as a CRM would export them: repeatable by seed, of any number, with a chosen share of
 * rows that are wrong in known ways, so that whoever imports them can be held to exact counts.
 */
import { FIRST_NAMES, LAST_NAMES, toMailbox } from './names.ts';
import { PHONE_NUMBER_COUNT, samplePhoneNumber } from './phone-numbers.ts';
import { createRandomFor, pick } from './random.ts';

export const OUTBOUND_COLUMNS = [
  'externalId',
  'firstName',
  'lastName',
  'phone',
  'email',
  'countryCode',
  'doNotCall',
  'doNotEmail',
  'segment',
  'score',
] as const;

export type OutboundContact = Record<(typeof OUTBOUND_COLUMNS)[number], string>;

/**
 * How a row is wrong. badPhone: no number anywhere. missingPhoneAndEmail: neither is given. nonBooleanFlag: doNotCall is
 * neither true nor false. overLongValue: a last name over 256 characters. missingExternalId: it is empty. raggedRow: a
 * cell too few; in NDJSON a line that breaks off. duplicateRow: an earlier row once more.
 */
export const DEFECTS = [
  'badPhone',
  'missingPhoneAndEmail',
  'nonBooleanFlag',
  'overLongValue',
  'missingExternalId',
  'raggedRow',
  'duplicateRow',
] as const;

export type Defect = (typeof DEFECTS)[number];

export interface SampleRow {
  /** 1 is the first. */
  row: number;
  contact: OutboundContact;
  /** Absent where the row is sound. */
  defect?: Defect;
}

export interface SampleOptions {
  /** 1 to MAX_SAMPLE_ROWS. */
  rows: number;
  /** From 0 to MAX_DIRTY_SHARE. */
  dirtyShare: number;
  /** Any integer. */
  seed: number;
}

/** Every row has a phone number of its own, and there are no more of them. */
export const MAX_SAMPLE_ROWS = PHONE_NUMBER_COUNT;
/** So that there is always a sound row to repeat. */
export const MAX_DIRTY_SHARE = 0.5;

export interface ExpectedCounts {
  received: number;
  valid: number;
  rejected: number;
  duplicates: number;
  byDefect: Record<Defect, number>;
}

/** What an import must count: all defects but duplicates are rejected. */
export function expectedCounts({ rows, dirtyShare }: Pick<SampleOptions, 'rows' | 'dirtyShare'>): ExpectedCounts {
  const dirty = dirtyCount(rows, dirtyShare);
  const count = (index: number) => Math.floor(dirty / DEFECTS.length) + (index < dirty % DEFECTS.length ? 1 : 0);
  const byDefect: Record<Defect, number> = {
    badPhone: count(0),
    missingPhoneAndEmail: count(1),
    nonBooleanFlag: count(2),
    overLongValue: count(3),
    missingExternalId: count(4),
    raggedRow: count(5),
    duplicateRow: count(6),
  };
  const duplicates = byDefect.duplicateRow;
  return { received: rows, valid: rows - dirty, rejected: dirty - duplicates, duplicates, byDefect };
}

/**
 * The rows in order, made one by one: memory does not grow with their number. `dirtyShare` of them, rounded down, are
 * dirty: spread over the whole file, each defect as often as the others.
 *
 * @throws RangeError for options out of bounds
 */
export function outboundContacts(options: SampleOptions): Iterable<SampleRow> {
  const { rows, dirtyShare, seed } = options;
  if (!Number.isSafeInteger(rows) || rows < 1 || rows > MAX_SAMPLE_ROWS) {
    throw new RangeError(`rows must be a whole number from 1 to ${MAX_SAMPLE_ROWS}`);
  }
  if (!(dirtyShare >= 0 && dirtyShare <= MAX_DIRTY_SHARE)) {
    throw new RangeError(`dirtyShare must be a number from 0 to ${MAX_DIRTY_SHARE}`);
  }
  if (!Number.isSafeInteger(seed)) throw new RangeError('seed must be a whole number');
  return { [Symbol.iterator]: () => generateRows(options) };
}

function* generateRows({ rows, dirtyShare, seed }: SampleOptions): Generator<SampleRow, void, undefined> {
  const dirty = dirtyCount(rows, dirtyShare);
  const soundRows: number[] = [];
  let dirtyBefore = 0;
  let nextDirty = dirtyIndex(0, dirty, rows, seed);
  for (let index = 0; index < rows; index++) {
    const row = index + 1;
    if (index !== nextDirty) {
      remember(soundRows, index, createRandomFor(~seed, index));
      yield { row, contact: createContact(index, seed) };
      continue;
    }
    const defect = DEFECTS[dirtyBefore % DEFECTS.length] ?? DEFECTS[0];
    dirtyBefore++;
    nextDirty = dirtyIndex(dirtyBefore, dirty, rows, seed);
    const random = createRandomFor(~seed, index);
    const from = defect === 'duplicateRow' ? pick(random, soundRows) : index;
    yield { row, contact: spoil(createContact(from, seed), defect, random), defect };
  }
}

function dirtyCount(rows: number, dirtyShare: number): number {
  // 0.07 * 100 is a hair over 7, 0.29 * 100 a hair under 29: neither may cost or bring a row.
  return Math.floor(rows * dirtyShare + 1e-6);
}

/** Where the dirty row of this ordinal stands: somewhere in its own, equal part of the file, at least two rows long. */
function dirtyIndex(ordinal: number, dirty: number, rows: number, seed: number): number | undefined {
  if (ordinal >= dirty) return undefined;
  const start = Math.floor((ordinal * rows) / dirty);
  const end = Math.floor(((ordinal + 1) * rows) / dirty);
  return start + Math.floor(createRandomFor(seed, -2 - ordinal)() * (end - start));
}

const REMEMBERED_ROWS = 1000;

/** Keeps a fair sample of all sound rows so far (reservoir sampling), so that repeats lie near and far. */
function remember(soundRows: number[], index: number, random: () => number): void {
  if (soundRows.length < REMEMBERED_ROWS) {
    soundRows.push(index);
    return;
  }
  const place = Math.floor(random() * index);
  if (place < REMEMBERED_ROWS) soundRows[place] = index;
}

const SEGMENTS = [
  'new-customers-spring',
  'renewal-2026-q1-west',
  'winback-12-months',
  'enterprise-accounts-emea',
  'newsletter-subscribers',
  'trial-expired-30-days',
];

function createContact(index: number, seed: number): OutboundContact {
  const random = createRandomFor(seed, index);
  const firstName = pick(random, FIRST_NAMES);
  const lastName = pick(random, LAST_NAMES);
  const { number, countryCode } = samplePhoneNumber(index);
  return {
    externalId: `CRM-${String(index + 1).padStart(8, '0')}`,
    firstName,
    lastName,
    phone: random() < 0.1 ? formatPhone(number) : number,
    email: `${toMailbox(firstName)}.${toMailbox(lastName)}.${index + 1}@example.com`,
    countryCode,
    doNotCall: String(random() < 0.05),
    doNotEmail: String(random() < 0.1),
    segment: pick(random, SEGMENTS),
    score: String(Math.floor(random() * 101)),
  };
}

/** As people write it: the same number. */
function formatPhone(number: string): string {
  return `${number.slice(0, 2)} (${number.slice(2, 5)}) ${number.slice(5, 8)}-${number.slice(8)}`;
}

const BAD_PHONES = ['+1201555', '+99912345678', '555-CALL-NOW', '000000', 'unknown'];

function spoil(contact: OutboundContact, defect: Defect, random: () => number): OutboundContact {
  switch (defect) {
    case 'badPhone':
      return { ...contact, phone: pick(random, BAD_PHONES) };
    case 'missingPhoneAndEmail':
      return { ...contact, phone: '', email: '' };
    case 'nonBooleanFlag':
      return { ...contact, doNotCall: 'maybe' };
    case 'overLongValue':
      return { ...contact, lastName: contact.lastName.padEnd(300, 'x') };
    case 'missingExternalId':
      return { ...contact, externalId: '' };
    case 'raggedRow':
    case 'duplicateRow':
      return contact;
  }
}
