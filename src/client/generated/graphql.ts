/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Whether calls to a group of CXone’s endpoints are let through. */
export type CircuitState =
  /** They are. */
  | 'CLOSED'
  /** One at a time, to see whether CXone has recovered. */
  | 'HALF_OPEN'
  /** They are not: too many failed in a row. */
  | 'OPEN';

/** Why the state of things forbids a change. */
export type ConflictReason =
  /** It is there already, or several match where one should. */
  | 'DUPLICATE'
  /** The members of a dynamic segment are computed by CXone and cannot be written. */
  | 'DYNAMIC_SEGMENT'
  /** This idempotency key was used before, with another input. */
  | 'IDEMPOTENCY_KEY_REUSED'
  /** Something still refers to it. */
  | 'IN_USE'
  /** Another one has this name already. */
  | 'NAME_TAKEN'
  /** It is in a state in which this cannot be done. */
  | 'NOT_IN_THIS_STATE'
  /** It was changed since the version that was given. */
  | 'VERSION_MISMATCH';

/** An import whose rows come as a file. */
export type CreateImportUploadInput = {
  /** The campaign that bounds batches of ATTRIBUTES. */
  campaignId?: string | number | null | undefined;
  /** Of the file. */
  format: ImportFormat;
  /** The same key again gives the first call’s result, for 24 hours. */
  idempotencyKey?: string | null | undefined;
  /** What the rows become. */
  kind: ImportKind;
  /** How to read it. */
  options?: ImportOptions | null | undefined;
  /** The address book or contact list; none for SEGMENT_MEMBERS. */
  targetId?: string | number | null | undefined;
};

/** What to do with an item that is already there. */
export type DuplicatePolicy =
  /** Report it as failed. */
  | 'FAIL'
  /** Leave it as it is. */
  | 'SKIP'
  /** Update it with what was given. */
  | 'UPDATE';

/** What CXone told of a contact. */
export type EnrichmentEventType =
  /** Its attributes on a contact list were enriched. */
  | 'CONTACT_ENRICHED'
  /** It was changed. */
  | 'CONTACT_UPDATED';

/** Renames one column. */
export type FieldMapping = {
  /** The name in the rows. */
  source: string;
  /** CXone’s name; dots reach into objects. */
  target: string;
};

/** Where a batch stands. */
export type ImportBatchState =
  /** It will not be sent. */
  | 'CANCELLED'
  /** At CXone, as a whole or in part. */
  | 'DONE'
  /** None of it got in. */
  | 'FAILED'
  /** Not sent yet. */
  | 'PENDING'
  /** Under way. */
  | 'RUNNING';

/** What happened to an import. */
export type ImportEventType =
  /** The outcome of a call is known. */
  | 'BATCH_FINISHED'
  /** Somebody ended it. */
  | 'CANCELLED'
  /** All is sent; CXone’s index does not show all of it yet. */
  | 'CONFIRMING'
  /** It was asked for. */
  | 'CREATED'
  /** It could not go on. */
  | 'FAILED'
  /** It is through. */
  | 'FINISHED'
  /** Somebody paused it. */
  | 'PAUSED'
  /** All its rows are there. */
  | 'RECEIVED'
  /** Somebody let it go on. */
  | 'RESUMED'
  /** Its failed rows are sent again. */
  | 'RETRIED'
  /** The first call is about to be sent. */
  | 'STARTED';

/** The format of an uploaded file. */
export type ImportFormat =
  /** Comma-, semicolon- or tab-separated, with a header. */
  | 'CSV'
  /** One JSON object a line. */
  | 'NDJSON';

/** What rows become. */
export type ImportKind =
  /** Attributes of contacts on a list, in batches bounded by a campaign. */
  | 'ATTRIBUTES'
  /** Contacts of an address book, upserted. */
  | 'CONTACTS'
  /** Contacts of an outbound list, 1000 a call. */
  | 'OUTBOUND_CONTACTS'
  /** Consent records of a contact list, 100 a call. */
  | 'RECORDS'
  /** Members of static segments, 200 a call. */
  | 'SEGMENT_MEMBERS';

/** How rows are read and what happens to them. */
export type ImportOptions = {
  /** Told of every finished batch and of the end. Its host must be allowed by the configuration. */
  callbackUrl?: string | null | undefined;
  /** ISO 3166-1 alpha-2: how phone numbers without a country code are read. Without it they are rejected. */
  defaultCountry?: string | null | undefined;
  /** Of an uploaded file. */
  encoding?: TextEncoding;
  /** Renames columns: from the row’s name to CXone’s. Dots reach into objects: customFields.first_name. */
  fieldMapping?: Array<FieldMapping> | null | undefined;
  /** Bytes of an uploaded file that are no text in its encoding. */
  invalidText?: InvalidTextPolicy;
  /** Stops the import (state FAILED, the rest not sent) once more rows than this were refused by CXone. */
  maxFailures?: number | null | undefined;
  /** Items that are already there. Without it: UPDATE for CONTACTS, SKIP for the others. */
  onDuplicate?: DuplicatePolicy | null | undefined;
  /** Checks every row and sends nothing. */
  validateOnly?: boolean;
};

/** Where an import stands. */
export type ImportState =
  /** Its file is not there yet. */
  | 'AWAITING_UPLOAD'
  /** Somebody ended it. */
  | 'CANCELLED'
  /** Every valid row is at CXone. */
  | 'COMPLETED'
  /** It is through, but some rows failed or are unknown, or the counts do not add up. */
  | 'COMPLETED_WITH_FAILURES'
  /** All is sent; CXone’s index does not show all of it yet. */
  | 'CONFIRMING'
  /** It could not go on; `failure` says why. */
  | 'FAILED'
  /** Somebody paused it. */
  | 'PAUSED'
  /** Its file is coming in. */
  | 'RECEIVING'
  /** Its rows are being sent. */
  | 'RUNNING';

/** Where the writing to one target stands. */
export type ImportTargetState =
  /** Ended before all its rows were sent. */
  | 'CANCELLED'
  /** All its rows are at CXone. */
  | 'COMPLETED'
  /** Some of its rows failed or are unknown. */
  | 'COMPLETED_WITH_FAILURES'
  /** All is sent; CXone’s index does not show all of it yet. */
  | 'CONFIRMING'
  /** It takes no rows. */
  | 'FAILED'
  /** Nothing was sent to it yet. */
  | 'PENDING'
  /** Rows are being sent to it. */
  | 'RUNNING';

/** What to do with bytes that are no text in the encoding. */
export type InvalidTextPolicy =
  /** Refuse the file and name the place. */
  | 'REJECT'
  /** Replace them with U+FFFD and count them in the audit. */
  | 'REPLACE';

/** Where a row was stopped. */
export type RejectionStage =
  /** Repeats an earlier row of this import. */
  | 'DUPLICATE'
  /** Sent without an answer. */
  | 'UNKNOWN'
  /** CXone refused it. */
  | 'UPSTREAM'
  /** Refused before sending. */
  | 'VALIDATION';

/** Where the gateway keeps what must survive. */
export type StoreKind =
  /** A server, for any number of replicas. */
  | 'POSTGRES'
  /** A file, for one process. */
  | 'SQLITE';

/** How the bytes of a file become text. */
export type TextEncoding =
  /** ISO-8859-1 (Latin-1). */
  | 'ISO_8859_1'
  /** UTF-8, with or without a byte order mark. */
  | 'UTF_8'
  /** Windows-1252, as older spreadsheets write it. */
  | 'WINDOWS_1252';

export type ProgressFragment = { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null };

export type BatchFragment = { number: number, state: ImportBatchState, size: number, succeeded: number, skipped: number, failed: number, attempts: number, latencyMs: number | null, error: string | null };

export type ImportStateFragment = { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null };

export type ReportFragment = { successRatePercent: number, averageBatchLatencyMs: number | null, p95BatchLatencyMs: number | null, fillRatePercent: number | null, verification: { countBefore: number, countAfter: number, expectedAfter: number, matches: boolean } | null };

type Failure_ConflictError_Fragment = { __typename: 'ConflictError', reason: ConflictReason, message: string };

type Failure_NotFoundError_Fragment = { __typename: 'NotFoundError', message: string };

type Failure_OutcomeUnknownError_Fragment = { __typename: 'OutcomeUnknownError', message: string };

type Failure_RateLimitedError_Fragment = { __typename: 'RateLimitedError', message: string };

type Failure_UpstreamError_Fragment = { __typename: 'UpstreamError', message: string };

type Failure_ValidationError_Fragment = { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> };

export type FailureFragment =
  | Failure_ConflictError_Fragment
  | Failure_NotFoundError_Fragment
  | Failure_OutcomeUnknownError_Fragment
  | Failure_RateLimitedError_Fragment
  | Failure_UpstreamError_Fragment
  | Failure_ValidationError_Fragment
;

export type ImportsQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ImportsQuery = { imports: { nodes: Array<{ rejectionsUrl: string, id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null, target:
        | { __typename: 'AddressBook', id: string, bookName: string }
        | { __typename: 'Campaign', id: string }
        | { __typename: 'Contact', id: string }
        | { __typename: 'ContactList', id: string, listName: string | null }
        | { __typename: 'Import', id: string }
        | { __typename: 'Segment', id: string, segmentName: string }
       | null, progress: { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null } }>, pageInfo: { endCursor: string | null, hasNextPage: boolean } } };

export type ImportDetailQueryVariables = Exact<{
  id: string | number;
  afterBatch?: string | null | undefined;
}>;


export type ImportDetailQuery = { import: { rejectionsUrl: string, id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null, target:
      | { __typename: 'AddressBook', id: string, bookName: string }
      | { __typename: 'Campaign', id: string }
      | { __typename: 'Contact', id: string }
      | { __typename: 'ContactList', id: string, listName: string | null }
      | { __typename: 'Import', id: string }
      | { __typename: 'Segment', id: string, segmentName: string }
     | null, progress: { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null }, targets: Array<{ state: ImportTargetState, succeeded: number, skipped: number, failed: number, pending: number, attempts: number, node:
        | { __typename: 'AddressBook', id: string, bookName: string }
        | { __typename: 'Campaign', id: string }
        | { __typename: 'Contact', id: string }
        | { __typename: 'ContactList', id: string, listName: string | null }
        | { __typename: 'Import', id: string }
        | { __typename: 'Segment', id: string, segmentName: string }
       }>, batches: { nodes: Array<{ number: number, state: ImportBatchState, size: number, succeeded: number, skipped: number, failed: number, attempts: number, latencyMs: number | null, error: string | null }>, pageInfo: { endCursor: string | null, hasNextPage: boolean } }, report: { successRatePercent: number, averageBatchLatencyMs: number | null, p95BatchLatencyMs: number | null, fillRatePercent: number | null, verification: { countBefore: number, countAfter: number, expectedAfter: number, matches: boolean } | null } | null } | null };

export type RejectionsQueryVariables = Exact<{
  id: string | number;
  after?: string | null | undefined;
}>;


export type RejectionsQuery = { import: { id: string, rejections: { nodes: Array<{ row: number, stage: RejectionStage, issues: Array<{ path: Array<string>, code: string, message: string }> }>, pageInfo: { endCursor: string | null, hasNextPage: boolean } } } | null };

type TargetName_AddressBook_Fragment = { __typename: 'AddressBook', id: string, bookName: string };

type TargetName_Campaign_Fragment = { __typename: 'Campaign', id: string };

type TargetName_Contact_Fragment = { __typename: 'Contact', id: string };

type TargetName_ContactList_Fragment = { __typename: 'ContactList', id: string, listName: string | null };

type TargetName_Import_Fragment = { __typename: 'Import', id: string };

type TargetName_Segment_Fragment = { __typename: 'Segment', id: string, segmentName: string };

export type TargetNameFragment =
  | TargetName_AddressBook_Fragment
  | TargetName_Campaign_Fragment
  | TargetName_Contact_Fragment
  | TargetName_ContactList_Fragment
  | TargetName_Import_Fragment
  | TargetName_Segment_Fragment
;

export type ImportPlacesQueryVariables = Exact<{ [key: string]: never; }>;


export type ImportPlacesQuery = { contactLists: { nodes: Array<{ id: string, name: string | null, totalContactCount: number | null }> }, addressBooks: { nodes: Array<{ id: string, name: string }> } };

export type CreateImportUploadMutationVariables = Exact<{
  input: CreateImportUploadInput;
}>;


export type CreateImportUploadMutation = { createImportUpload:
    | { __typename: 'ConflictError', reason: ConflictReason, message: string }
    | { url: string, expiresAt: string, import: { rejectionsUrl: string, id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null } }
    | { __typename: 'NotFoundError', message: string }
    | { __typename: 'OutcomeUnknownError', message: string }
    | { __typename: 'RateLimitedError', message: string }
    | { __typename: 'UpstreamError', message: string }
    | { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> }
   | null };

export type PauseImportMutationVariables = Exact<{
  id: string | number;
}>;


export type PauseImportMutation = { pauseImport:
    | { __typename: 'ConflictError', reason: ConflictReason, message: string }
    | { __typename: 'NotFoundError', message: string }
    | { import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null } }
    | { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> }
   | null };

export type ResumeImportMutationVariables = Exact<{
  id: string | number;
}>;


export type ResumeImportMutation = { resumeImport:
    | { __typename: 'ConflictError', reason: ConflictReason, message: string }
    | { __typename: 'NotFoundError', message: string }
    | { import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null } }
    | { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> }
   | null };

export type CancelImportMutationVariables = Exact<{
  id: string | number;
}>;


export type CancelImportMutation = { cancelImport:
    | { import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null } }
    | { __typename: 'ConflictError', reason: ConflictReason, message: string }
    | { __typename: 'NotFoundError', message: string }
    | { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> }
   | null };

export type RetryImportMutationVariables = Exact<{
  id: string | number;
}>;


export type RetryImportMutation = { retryImport:
    | { __typename: 'ConflictError', reason: ConflictReason, message: string }
    | { __typename: 'NotFoundError', message: string }
    | { import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null } }
    | { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> }
   | null };

export type ImportOutcomeQueryVariables = Exact<{
  id: string | number;
}>;


export type ImportOutcomeQuery = { import: { rejectionsUrl: string, id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null, progress: { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null }, report: { successRatePercent: number, averageBatchLatencyMs: number | null, p95BatchLatencyMs: number | null, fillRatePercent: number | null, verification: { countBefore: number, countAfter: number, expectedAfter: number, matches: boolean } | null } | null } | null };

export type ImportProgressSubscriptionVariables = Exact<{
  id: string | number;
  after?: string | null | undefined;
}>;


export type ImportProgressSubscription = { importProgress: { cursor: string, at: string, type: ImportEventType, import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null }, progress: { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null }, batch: { number: number, state: ImportBatchState, size: number, succeeded: number, skipped: number, failed: number, attempts: number, latencyMs: number | null, error: string | null } | null } };

export type ImportActivitySubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type ImportActivitySubscription = { importActivity: { cursor: string, at: string, type: ImportEventType, import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null }, progress: { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null }, batch: { number: number, state: ImportBatchState, size: number, succeeded: number, skipped: number, failed: number, attempts: number, latencyMs: number | null, error: string | null } | null } };

export type ContactEnrichedSubscriptionVariables = Exact<{
  contactListId?: string | number | null | undefined;
  after?: string | null | undefined;
}>;


export type ContactEnrichedSubscription = { contactEnriched: { cursor: string, type: EnrichmentEventType, occurredAt: string, late: boolean, contactId: string, attributes: Record<string, unknown>, contactList: { id: string, name: string | null } } };

export type RegisterEnrichmentWebhookMutationVariables = Exact<{ [key: string]: never; }>;


export type RegisterEnrichmentWebhookMutation = { registerEnrichmentWebhook:
    | { __typename: 'ConflictError', reason: ConflictReason, message: string }
    | { __typename: 'NotFoundError', message: string }
    | { __typename: 'OutcomeUnknownError', message: string }
    | { __typename: 'RateLimitedError', message: string }
    | { webhookId: string, url: string }
    | { __typename: 'UpstreamError', message: string }
    | { __typename: 'ValidationError', message: string, issues: Array<{ path: Array<string>, code: string, message: string }> }
   | null };

export type EnrichmentNewsFragment = { cursor: string, type: EnrichmentEventType, occurredAt: string, late: boolean, contactId: string, attributes: Record<string, unknown>, contactList: { id: string, name: string | null } };

export type ImportNewsFragment = { cursor: string, at: string, type: ImportEventType, import: { id: string, kind: ImportKind, state: ImportState, failure: string | null, createdBy: string, createdAt: string, startedAt: string | null, finishedAt: string | null }, progress: { received: number, valid: number, rejected: number, duplicates: number, succeeded: number, skipped: number, failed: number, unknown: number, pending: number, batchesTotal: number, batchesDone: number, percent: number, rowsPerSecond: number | null, etaSeconds: number | null }, batch: { number: number, state: ImportBatchState, size: number, succeeded: number, skipped: number, failed: number, attempts: number, latencyMs: number | null, error: string | null } | null };

export type GatewayStatusQueryVariables = Exact<{ [key: string]: never; }>;


export type GatewayStatusQuery = { gatewayStatus: { version: string, sandbox: boolean, store: StoreKind, replicas: number, importsRunning: number, importsWaiting: number, baselineCache: { entries: number, capacity: number, hits: number, misses: number }, upstream: Array<{ group: string, circuit: CircuitState, inFlight: number, queued: number, requests: number, retries: number, rateLimited: number, limitPerSecond: number | null }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const ReportFragmentDoc = new TypedDocumentString(`
    fragment Report on ImportReport {
  successRatePercent
  averageBatchLatencyMs
  p95BatchLatencyMs
  fillRatePercent
  verification {
    countBefore
    countAfter
    expectedAfter
    matches
  }
}
    `, {"fragmentName":"Report"}) as unknown as TypedDocumentString<ReportFragment, unknown>;
export const FailureFragmentDoc = new TypedDocumentString(`
    fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}
    `, {"fragmentName":"Failure"}) as unknown as TypedDocumentString<FailureFragment, unknown>;
export const TargetNameFragmentDoc = new TypedDocumentString(`
    fragment TargetName on Node {
  __typename
  id
  ... on ContactList {
    listName: name
  }
  ... on AddressBook {
    bookName: name
  }
  ... on Segment {
    segmentName: name
  }
}
    `, {"fragmentName":"TargetName"}) as unknown as TypedDocumentString<TargetNameFragment, unknown>;
export const EnrichmentNewsFragmentDoc = new TypedDocumentString(`
    fragment EnrichmentNews on EnrichmentEvent {
  cursor
  type
  occurredAt
  late
  contactId
  attributes
  contactList {
    id
    name
  }
}
    `, {"fragmentName":"EnrichmentNews"}) as unknown as TypedDocumentString<EnrichmentNewsFragment, unknown>;
export const ImportStateFragmentDoc = new TypedDocumentString(`
    fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
    `, {"fragmentName":"ImportState"}) as unknown as TypedDocumentString<ImportStateFragment, unknown>;
export const ProgressFragmentDoc = new TypedDocumentString(`
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
    `, {"fragmentName":"Progress"}) as unknown as TypedDocumentString<ProgressFragment, unknown>;
export const BatchFragmentDoc = new TypedDocumentString(`
    fragment Batch on ImportBatch {
  number
  state
  size
  succeeded
  skipped
  failed
  attempts
  latencyMs
  error
}
    `, {"fragmentName":"Batch"}) as unknown as TypedDocumentString<BatchFragment, unknown>;
export const ImportNewsFragmentDoc = new TypedDocumentString(`
    fragment ImportNews on ImportEvent {
  cursor
  at
  type
  import {
    ...ImportState
  }
  progress {
    ...Progress
  }
  batch {
    ...Batch
  }
}
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
fragment Batch on ImportBatch {
  number
  state
  size
  succeeded
  skipped
  failed
  attempts
  latencyMs
  error
}
fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}`, {"fragmentName":"ImportNews"}) as unknown as TypedDocumentString<ImportNewsFragment, unknown>;
export const ImportsDocument = new TypedDocumentString(`
    query Imports($first: Int!, $after: String) {
  imports(first: $first, after: $after) {
    nodes {
      ...ImportState
      rejectionsUrl
      target {
        ...TargetName
      }
      progress {
        ...Progress
      }
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
}
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment TargetName on Node {
  __typename
  id
  ... on ContactList {
    listName: name
  }
  ... on AddressBook {
    bookName: name
  }
  ... on Segment {
    segmentName: name
  }
}`, {"hash":"sha256:8267596cd12c55a410b7b3736fc2be7986eef7cafa9de3afbe3e9f84ba1698ed"}) as unknown as TypedDocumentString<ImportsQuery, ImportsQueryVariables>;
export const ImportDetailDocument = new TypedDocumentString(`
    query ImportDetail($id: ID!, $afterBatch: String) {
  import(id: $id) {
    ...ImportState
    rejectionsUrl
    target {
      ...TargetName
    }
    progress {
      ...Progress
    }
    targets {
      node {
        ...TargetName
      }
      state
      succeeded
      skipped
      failed
      pending
      attempts
    }
    batches(first: 250, after: $afterBatch) {
      nodes {
        ...Batch
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
    report {
      ...Report
    }
  }
}
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
fragment Batch on ImportBatch {
  number
  state
  size
  succeeded
  skipped
  failed
  attempts
  latencyMs
  error
}
fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Report on ImportReport {
  successRatePercent
  averageBatchLatencyMs
  p95BatchLatencyMs
  fillRatePercent
  verification {
    countBefore
    countAfter
    expectedAfter
    matches
  }
}
fragment TargetName on Node {
  __typename
  id
  ... on ContactList {
    listName: name
  }
  ... on AddressBook {
    bookName: name
  }
  ... on Segment {
    segmentName: name
  }
}`, {"hash":"sha256:15ef5b41d573a73aa4fb469d7d3613754a7354ace5d14f6377d6cf491f3e0a58"}) as unknown as TypedDocumentString<ImportDetailQuery, ImportDetailQueryVariables>;
export const RejectionsDocument = new TypedDocumentString(`
    query Rejections($id: ID!, $after: String) {
  import(id: $id) {
    id
    rejections(first: 250, after: $after) {
      nodes {
        row
        stage
        issues {
          path
          code
          message
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
}
    `, {"hash":"sha256:898b9625fa76b9e613a0918df3b6c29a2e857b723fa45d68e4c7489207e9d791"}) as unknown as TypedDocumentString<RejectionsQuery, RejectionsQueryVariables>;
export const ImportPlacesDocument = new TypedDocumentString(`
    query ImportPlaces {
  contactLists(first: 250) {
    nodes {
      id
      name
      totalContactCount
    }
  }
  addressBooks(first: 250) {
    nodes {
      id
      name
    }
  }
}
    `, {"hash":"sha256:65e9c8252505aabc8430f69d118f20c4bba7fd37d6007108fc308844a225c7ed"}) as unknown as TypedDocumentString<ImportPlacesQuery, ImportPlacesQueryVariables>;
export const CreateImportUploadDocument = new TypedDocumentString(`
    mutation CreateImportUpload($input: CreateImportUploadInput!) {
  createImportUpload(input: $input) {
    ... on CreateImportUploadPayload {
      import {
        ...ImportState
        rejectionsUrl
      }
      url
      expiresAt
    }
    ...Failure
  }
}
    fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}`, {"hash":"sha256:856e1b45bc341c2b524caeab34f4451c3ad2fe543b4af79f9a393c0152fa99fb"}) as unknown as TypedDocumentString<CreateImportUploadMutation, CreateImportUploadMutationVariables>;
export const PauseImportDocument = new TypedDocumentString(`
    mutation PauseImport($id: ID!) {
  pauseImport(input: { id: $id }) {
    ... on PauseImportPayload {
      import {
        ...ImportState
      }
    }
    ...Failure
  }
}
    fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}`, {"hash":"sha256:f051ccd294732bf265ad17eaf01ad616bef86fecbfd10ea488e7ea78b6c98bf1"}) as unknown as TypedDocumentString<PauseImportMutation, PauseImportMutationVariables>;
export const ResumeImportDocument = new TypedDocumentString(`
    mutation ResumeImport($id: ID!) {
  resumeImport(input: { id: $id }) {
    ... on ResumeImportPayload {
      import {
        ...ImportState
      }
    }
    ...Failure
  }
}
    fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}`, {"hash":"sha256:fc7b447ef2d489d048cf392992ba9c329404e8a26e3fd96b9c0a019608d5daf5"}) as unknown as TypedDocumentString<ResumeImportMutation, ResumeImportMutationVariables>;
export const CancelImportDocument = new TypedDocumentString(`
    mutation CancelImport($id: ID!) {
  cancelImport(input: { id: $id }) {
    ... on CancelImportPayload {
      import {
        ...ImportState
      }
    }
    ...Failure
  }
}
    fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}`, {"hash":"sha256:40964eea2d3774c945c0d5ac68f5be6d3d85b383b0345c7d99b5ce6d5e853468"}) as unknown as TypedDocumentString<CancelImportMutation, CancelImportMutationVariables>;
export const RetryImportDocument = new TypedDocumentString(`
    mutation RetryImport($id: ID!) {
  retryImport(input: { id: $id }) {
    ... on RetryImportPayload {
      import {
        ...ImportState
      }
    }
    ...Failure
  }
}
    fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}`, {"hash":"sha256:1a711c2c600c05642cf1aadc4991bf702a73c0a589e7ebd3d0670a7f8e5a71af"}) as unknown as TypedDocumentString<RetryImportMutation, RetryImportMutationVariables>;
export const ImportOutcomeDocument = new TypedDocumentString(`
    query ImportOutcome($id: ID!) {
  import(id: $id) {
    ...ImportState
    rejectionsUrl
    progress {
      ...Progress
    }
    report {
      ...Report
    }
  }
}
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment Report on ImportReport {
  successRatePercent
  averageBatchLatencyMs
  p95BatchLatencyMs
  fillRatePercent
  verification {
    countBefore
    countAfter
    expectedAfter
    matches
  }
}`, {"hash":"sha256:9f0434dd248aada3282a95b1a973aad73dd06c8fa2f84ca316f9a15d11f7e13c"}) as unknown as TypedDocumentString<ImportOutcomeQuery, ImportOutcomeQueryVariables>;
export const ImportProgressDocument = new TypedDocumentString(`
    subscription ImportProgress($id: ID!, $after: String) {
  importProgress(id: $id, after: $after) {
    ...ImportNews
  }
}
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
fragment Batch on ImportBatch {
  number
  state
  size
  succeeded
  skipped
  failed
  attempts
  latencyMs
  error
}
fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment ImportNews on ImportEvent {
  cursor
  at
  type
  import {
    ...ImportState
  }
  progress {
    ...Progress
  }
  batch {
    ...Batch
  }
}`, {"hash":"sha256:0149cf373c5ea4b7e0d5e3f50decc22bbc9cd0085b8b46c5b5df720afe1f89c0"}) as unknown as TypedDocumentString<ImportProgressSubscription, ImportProgressSubscriptionVariables>;
export const ImportActivityDocument = new TypedDocumentString(`
    subscription ImportActivity($after: String) {
  importActivity(after: $after) {
    ...ImportNews
  }
}
    fragment Progress on ImportProgress {
  received
  valid
  rejected
  duplicates
  succeeded
  skipped
  failed
  unknown
  pending
  batchesTotal
  batchesDone
  percent
  rowsPerSecond
  etaSeconds
}
fragment Batch on ImportBatch {
  number
  state
  size
  succeeded
  skipped
  failed
  attempts
  latencyMs
  error
}
fragment ImportState on Import {
  id
  kind
  state
  failure
  createdBy
  createdAt
  startedAt
  finishedAt
}
fragment ImportNews on ImportEvent {
  cursor
  at
  type
  import {
    ...ImportState
  }
  progress {
    ...Progress
  }
  batch {
    ...Batch
  }
}`, {"hash":"sha256:8c3c408891e0086d007988a9e50fca6fa574bb7535ff15fad53937fbae2bf5e0"}) as unknown as TypedDocumentString<ImportActivitySubscription, ImportActivitySubscriptionVariables>;
export const ContactEnrichedDocument = new TypedDocumentString(`
    subscription ContactEnriched($contactListId: ID, $after: String) {
  contactEnriched(contactListId: $contactListId, after: $after) {
    ...EnrichmentNews
  }
}
    fragment EnrichmentNews on EnrichmentEvent {
  cursor
  type
  occurredAt
  late
  contactId
  attributes
  contactList {
    id
    name
  }
}`, {"hash":"sha256:0d7ec402a43c262a902886409d719a9749602613189612a470c9d4d245bbeb73"}) as unknown as TypedDocumentString<ContactEnrichedSubscription, ContactEnrichedSubscriptionVariables>;
export const RegisterEnrichmentWebhookDocument = new TypedDocumentString(`
    mutation RegisterEnrichmentWebhook {
  registerEnrichmentWebhook(input: {  }) {
    ... on RegisterEnrichmentWebhookPayload {
      webhookId
      url
    }
    ...Failure
  }
}
    fragment Failure on Error {
  __typename
  message
  ... on ValidationError {
    issues {
      path
      code
      message
    }
  }
  ... on ConflictError {
    reason
  }
}`, {"hash":"sha256:4dc1178e33d8bf119d565e842a8827252276326c0fc6c28e658b98e04156ec5b"}) as unknown as TypedDocumentString<RegisterEnrichmentWebhookMutation, RegisterEnrichmentWebhookMutationVariables>;
export const GatewayStatusDocument = new TypedDocumentString(`
    query GatewayStatus {
  gatewayStatus {
    version
    sandbox
    store
    replicas
    importsRunning
    importsWaiting
    baselineCache {
      entries
      capacity
      hits
      misses
    }
    upstream {
      group
      circuit
      inFlight
      queued
      requests
      retries
      rateLimited
      limitPerSecond
    }
  }
}
    `, {"hash":"sha256:a14a467cd0f11f68f44c98a996ebccf9fd7a0244d11a299207843f7b123232c6"}) as unknown as TypedDocumentString<GatewayStatusQuery, GatewayStatusQueryVariables>;