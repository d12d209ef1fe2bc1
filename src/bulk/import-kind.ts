/**
 * What an import needs to know of a kind of rows: how they are shaped, checked and grouped, and the bulk operation
 * that sends them. The import machine itself knows no kind.
 */
import type { CallContext } from '../cxone/call-context.ts';
import type { Issue } from '../errors.ts';
import type { BulkOperation } from './bulk-operation.ts';

export type ImportKindName = 'CONTACTS' | 'RECORDS' | 'OUTBOUND_CONTACTS' | 'ATTRIBUTES' | 'SEGMENT_MEMBERS';
export type DuplicatePolicy = 'SKIP' | 'UPDATE' | 'FAIL';

/** The options of an import that a kind may look at. */
export interface RowOptions {
  readonly onDuplicate: DuplicatePolicy;
  readonly defaultCountry?: string | undefined;
}

/** Where an import writes to: the raw ids of its target and campaign, as far as its kind has them. */
export interface ImportPlace {
  readonly targetId: string | null;
  readonly campaignId: string | null;
}

export interface CheckedRow<Item> {
  readonly item: Item;
  /** The list, book or segment this row is written to. */
  readonly target: string;
  /** Rows of one import with the same key are the same row (dedupe-key.ts). */
  readonly dedupeKey: string;
  /** Attributes offered and sent, where a kind counts them. */
  readonly fields?: { readonly total: number; readonly filled: number };
}

export type RowCheck<Item> = CheckedRow<Item> | { readonly issues: Issue[] };

/** An item that CXone took, and when, epoch milliseconds. */
export interface TakenItem<Item> {
  readonly item: Item;
  readonly at: number;
}

export interface ImportKind<Item = unknown> {
  readonly name: ImportKindName;
  /** The type of the target's global id; null where rows name their target themselves. */
  readonly targetType: 'AddressBook' | 'ContactList' | null;
  /** Whether batches need a campaign to be bounded by. */
  readonly takesCampaign: boolean;
  readonly defaultOnDuplicate: DuplicatePolicy;
  /**
   * Whether several replicas may send to one target at once. Not where settling goes by a count, nor where the limit is
   * reached by one of them.
   */
  readonly severalSenders: boolean;
  /** Fields at the top of a row. Columns that are none of them, nor paths into them, go under `rest`. */
  readonly columns: {
    readonly known: readonly string[];
    readonly aliases: Readonly<Record<string, string>>;
    readonly rest: string | null;
    /** The field in which an empty cell of a CSV is a value, if an empty one; elsewhere it is absent. */
    readonly keepsEmptyIn?: string;
  };
  /**
   * Looks at the target before anything is accepted, and makes the check for its rows.
   *
   * @returns null where the target does not exist
   * @throws ConflictError where it takes no writes
   */
  open(
    place: ImportPlace,
    options: RowOptions,
    call: CallContext,
  ): Promise<((row: Record<string, unknown>) => RowCheck<Item>) | null>;
  operation(place: ImportPlace, options: RowOptions): BulkOperation<Item>;
  /** How many contacts the target holds, where CXone counts them; null where it does not say. */
  count?(target: string, call: CallContext): Promise<number | null>;
  /**
   * Once all rows of a target are sent, e.g. to let CXone take them in. Its failure is told, and fails no row.
   *
   * @param succeeded how many rows got in
   */
  complete?(target: string, succeeded: number, call: CallContext): Promise<void>;
  /**
   * Where CXone takes rows before it shows them: waits until it shows what it took last. False where it did not in
   * time.
   *
   * @param taken the last item of each of the last batches, newest first; at least one
   * @param waitedMs for how long they have been waited for already, by whoever died at it
   */
  confirm?(target: string, taken: readonly TakenItem<Item>[], waitedMs: number, call: CallContext): Promise<boolean>;
}
