/**
 * The tables, as Kysely types. The same on both engines: text, and integers that fit a JavaScript number.
 * Times are epoch milliseconds; latencies are milliseconds with their fraction. Columns ending in `_json` hold JSON text.
 */
import type { Generated, Insertable, Selectable } from 'kysely';

export interface Tables {
  event_head: EventHeadTable;
  events: EventTable;
  leases: LeaseTable;
  idempotency_keys: IdempotencyKeyTable;
  audit_entries: AuditEntryTable;
  outbox: OutboxTable;
  replicas: ReplicaTable;
  slowdowns: SlowdownTable;
  settings: SettingTable;
  imports: ImportTable;
  import_targets: ImportTargetTable;
  import_batches: ImportBatchTable;
  import_rejections: ImportRejectionTable;
  outbox_closed_streams: OutboxClosedStreamTable;
  webhook_deliveries: WebhookDeliveryTable;
  webhook_registrations: WebhookRegistrationTable;
}

/** One row: the last sequence number given out. Its lock, held until commit, makes sequence order commit order. */
interface EventHeadTable {
  id: number;
  seq: number;
  /** Events up to this number may have been deleted: a cursor below it has a gap after it. */
  pruned_seq: number;
}

/** The event log. `topic` is the stream's kind (`import`, `enrichment`), `subject` what it is about (an import's or a list's id). */
interface EventTable {
  seq: number;
  at: number;
  topic: string;
  subject: string;
  type: string;
  data_json: string;
}

/** Held ones only. `fence` rises with every acquisition: a holder that was overtaken is recognised by its old number. */
interface LeaseTable {
  name: string;
  owner: string;
  fence: number;
  expires_at: number;
}

/** What calls with a key came to. While one runs, it holds the lease of that key and there is no row. */
interface IdempotencyKeyTable {
  /** SHA-256 of actor, operation and the caller's key: hostile keys never become identifiers. */
  key: string;
  /** SHA-256 of the input. */
  input_hash: string;
  result_json: string;
  /** When the result is forgotten. */
  expires_at: number;
}

/** What the replicas of one gateway share and make up at their first start, such as the key that signs links. */
interface SettingTable {
  name: string;
  value: string;
}

interface AuditEntryTable {
  id: Generated<number>;
  at: number;
  actor: string;
  action: string;
  subject: string;
  outcome: 'SUCCEEDED' | 'FAILED' | 'REJECTED';
  record_count: number | null;
  latency_ms: number | null;
  request_id: string | null;
  upstream_request_id: string | null;
  detail_json: string;
}

/** Messages to be delivered to somebody's URL, in order within a stream, at least once. */
interface OutboxTable {
  id: Generated<number>;
  /** The `webhook-id` the receiver sees on every try. */
  message_id: string;
  stream: string;
  url: string;
  body: string;
  attempts: number;
  next_attempt_at: number;
  /** After this it is given up. */
  expires_at: number;
  created_at: number;
}

/** A process that serves, for as long as it keeps moving `expires_at`, and its part of the limits that all share. */
interface ReplicaTable {
  owner: string;
  started_at: number;
  expires_at: number;
  /** Until then it has what it holds; a little longer than it itself believes. */
  holds_until: number;
  /** From then on until this time it has only what it keeps: it may be cut off from the database, and still send. */
  keeps_until: number;
  /** Places by the limit's name: `{wants, holds, keeps}`. */
  shares_json: string;
}

/** The last 429 of an endpoint group: what one replica learned from it, for the others. */
interface SlowdownTable {
  endpoint_group: string;
  at: number;
  /** No request of the group before this time. */
  not_before: number;
}

export type ImportKindColumn = 'CONTACTS' | 'RECORDS' | 'OUTBOUND_CONTACTS' | 'ATTRIBUTES' | 'SEGMENT_MEMBERS';
export type ImportStateColumn =
  | 'AWAITING_UPLOAD'
  | 'RECEIVING'
  | 'RUNNING'
  | 'PAUSED'
  | 'CONFIRMING'
  | 'COMPLETED'
  | 'COMPLETED_WITH_FAILURES'
  | 'CANCELLED'
  | 'FAILED';

/** received = valid + rejected + duplicates; valid = succeeded + skipped + failed + unknown + (the rest is pending). */
interface ImportTable {
  id: string;
  kind: ImportKindColumn;
  state: ImportStateColumn;
  failure: string | null;
  /** CXone's raw id of the address book or contact list; null for SEGMENT_MEMBERS. */
  target_id: string | null;
  campaign_id: string | null;
  /** CSV or NDJSON for uploads; null for inline rows. */
  format: 'CSV' | 'NDJSON' | null;
  options_json: string;
  created_by: string;
  /** Of the call that made it, where that may come again; no two imports have the same. */
  call_key: string | null;
  request_id: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  upload_expires_at: number | null;
  /** 1 once the first batch of this run was sent; 0 again when it is resumed or retried: then its counts are looked at anew. */
  begun: number;
  /** Rises with every try to upload: what an earlier, broken try staged is recognised by its number. */
  upload_attempt: number;
  bytes: number;
  received: number;
  rejected: number;
  duplicates: number;
  valid: number;
  succeeded: number;
  skipped: number;
  failed: number;
  unknown: number;
  /** Of the succeeded ones, those that were not there before: what a target's count must have grown by. */
  created: number;
  batches_total: number;
  batches_done: number;
  latency_sum_ms: number;
  total_fields: number;
  filled_fields: number;
  /** Since when CXone's index is waited for; null where it is not. */
  confirming_since: number | null;
  /** Set when its batches are cleared: the report stays. */
  p95_latency_ms: number | null;
  count_before: number | null;
  /** What other imports had brought into the target when `count_before` was read: what they bring later is expected of it as well. */
  others_before: number | null;
  count_after: number | null;
  count_expected: number | null;
  /** What did not add up upstream, in words; null where all did. */
  discrepancy: string | null;
  /** The names of the columns of a CSV, in their order: the shape rejections.csv is written in. */
  header_json: string | null;
}

/** One list, book or segment an import writes to. Its rows' counts add up to the import's. */
interface ImportTargetTable {
  import_id: string;
  target_id: string;
  state: 'PENDING' | 'RUNNING' | 'CONFIRMING' | 'COMPLETED' | 'COMPLETED_WITH_FAILURES' | 'CANCELLED' | 'FAILED';
  valid: number;
  succeeded: number;
  skipped: number;
  failed: number;
  unknown: number;
  attempts: number;
  /** Not before this time: a Retry-After that outlives the process. */
  not_before: number;
  /** No longer used; a release later it goes. */
  last_item_json: string | null;
  /** Where CXone shows rows later than it takes them: what it took last, newest first. JSON array of `{item, at}`. */
  recent_json: string | null;
}

interface ImportBatchTable {
  import_id: string;
  number: number;
  /** The upload try that staged it; only those of the import's current try count. */
  upload_attempt: number;
  target_id: string;
  state: 'PENDING' | 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED';
  size: number;
  succeeded: number;
  skipped: number;
  failed: number;
  unknown: number;
  attempts: number;
  /** Which of its target's lanes sent it last; null is the first of them. */
  lane: number | null;
  /** Set before a send, cleared by its outcome: a batch found with it was left behind, by the sender it names. JSON. */
  attempt_json: string | null;
  /** How many processes died while they had it under way. */
  crashes: number;
  /** 1 where it may be what they died of: it waits until nothing else is to be done, and goes alone. */
  isolated: number;
  latency_ms: number | null;
  upstream_request_id: string | null;
  error: string | null;
  finished_at: number | null;
  /** Its rows, packed as `batch-contents.ts` says. Dropped once the batch is done. */
  contents: Uint8Array | null;
  /** How they were stored before there was `contents`. The rows' numbers in the input, in the order of `items_json`. */
  rows_json: string | null;
  /** The rows as they are sent. */
  items_json: string | null;
  /** The rows as they came, for the report of what failed. */
  sources_json: string | null;
}

interface ImportRejectionTable {
  import_id: string;
  upload_attempt: number;
  row: number;
  stage: 'VALIDATION' | 'DUPLICATE' | 'UPSTREAM' | 'UNKNOWN';
  /** Null while its target is not known: refused before grouping. */
  target_id: string | null;
  issues_json: string;
  /** The row as it came. */
  data_json: string;
}

/** Streams of the outbox that get no more messages: their receiver said so. */
interface OutboxClosedStreamTable {
  stream: string;
  closed_at: number;
}

/** The deliveries of CXone's webhooks that were taken, by their `webhook-id`: a repeat is recognised by it. */
interface WebhookDeliveryTable {
  id: string;
  received_at: number;
  /** Null, with the two below, for a type that is not known. */
  contact_list_id: string | null;
  contact_id: string | null;
  /** When it happened, as CXone told: what comes after a later one is late. */
  occurred_at: number | null;
}

/** Webhooks this gateway registered at CXone, one for each name and url. */
interface WebhookRegistrationTable {
  name: string;
  url: string;
  /** CXone's id of it; null from before it is asked for until it has answered. */
  webhook_id: string | null;
  attempted_at: number;
}

export type EventRow = Selectable<EventTable>;
export type AuditEntryRow = Selectable<AuditEntryTable>;
export type OutboxRow = Selectable<OutboxTable>;
export type ImportRow = Selectable<ImportTable>;
export type ImportTargetRow = Selectable<ImportTargetTable>;
/** As the import store reads it: unpacked. */
export type ImportBatchRow = Omit<Selectable<ImportBatchTable>, 'contents'>;
export type StoredBatchRow = Selectable<ImportBatchTable>;
export type ImportRejectionRow = Selectable<ImportRejectionTable>;
export type NewImportRow = Insertable<ImportTable>;
