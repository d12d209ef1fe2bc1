/** Single consent records: added in bulk calls shared with others, updated one by one. */
import type { Audited } from '../../bulk/audited.ts';
import type { BulkCall, BulkCaller, BulkLoader, SharedWrite } from '../../bulk/bulk-loader.ts';
import type { DuplicatePolicy, ImportKind } from '../../bulk/import-kind.ts';
import { takenAs } from '../../bulk/item-outcome.ts';
import type { Clock } from '../../clock.ts';
import type { CxoneClient } from '../../cxone/client.ts';
import { ConflictError, NotFoundError, UpstreamError, ValidationError } from '../../errors.ts';
import { createPhoneNormaliser } from '../../phone-numbers.ts';
import { createRecordOperation, DUPLICATE } from './bulk.ts';
import { checkRecord } from './check-record.ts';
import { createRecordClient } from './client.ts';
import { createRecordImportKind } from './import-kind.ts';
import type { ContactListRecord, RecordItem } from './model.ts';

export interface AddedRecord {
  readonly contactId: string;
  readonly outcome: 'created' | 'updated' | 'skipped';
  readonly bulkCall: BulkCall;
}

export interface ContactListRecords {
  /**
   * @param input as it was given: what is wrong with it is told by path
   * @throws ValidationError; NotFoundError: no such list; ConflictError DUPLICATE where `onDuplicate` is FAIL; what
   *   `BulkLoader.load` throws
   */
  add(
    listId: string,
    input: Readonly<Record<string, unknown>>,
    onDuplicate: DuplicatePolicy,
    caller: BulkCaller,
  ): Promise<AddedRecord>;
  /** Replaces the whole record. @throws ValidationError; NotFoundError: no such list or record */
  update(
    listId: string,
    input: Readonly<Record<string, unknown>>,
    caller: BulkCaller,
  ): Promise<{ readonly contactId: string }>;
  readonly importKind: ImportKind<RecordItem>;
}

export function createContactListRecords(deps: {
  cxone: CxoneClient;
  loader: BulkLoader;
  audited: Audited;
  globalId: (type: string, id: string) => string;
  /** First delay before something is sent again, milliseconds. */
  retryBaseMs: number;
  clock: Clock;
}): ContactListRecords {
  const { cxone, loader, audited, globalId, retryBaseMs, clock } = deps;
  const client = createRecordClient(cxone);
  const phones = createPhoneNormaliser();
  const gid = (listId: string) => globalId('ContactList', listId);
  const operation = createRecordOperation({ client, clock, firstPauseMs: 2 * retryBaseMs });
  const write: SharedWrite<RecordItem> = {
    operation,
    action: 'contactListRecord.add',
    subject: gid,
    idOf: ({ record }) => record.contactId,
  };

  /** @throws ValidationError */
  function recordOf(input: Readonly<Record<string, unknown>>): ContactListRecord {
    const checked = checkRecord(input, { phones, nowMs: clock.now() });
    if ('record' in checked) return checked.record;
    throw new ValidationError(checked.issues.map((issue) => ({ ...issue, path: ['record', ...issue.path] })));
  }

  return {
    async add(listId, input, onDuplicate, caller) {
      const item = { record: recordOf(input), onDuplicate };
      const { contactId } = item.record;
      const loaded = await loader.load(write, listId, item, caller).catch((error: unknown) => {
        if (!(error instanceof UpstreamError && error.status === 404)) throw error;
        throw new NotFoundError('There is no such contact list. Check its id.', gid(listId));
      });
      const { outcome, bulkCall } = loaded;
      if (outcome.status === 'failed' && outcome.issue.code === DUPLICATE) {
        throw new ConflictError('DUPLICATE', outcome.issue.message);
      }
      return { contactId, outcome: takenAs(loaded, 'record'), bulkCall };
    },

    async update(listId, input, caller) {
      const record = recordOf(input);
      const { contactId } = record;
      const about = { action: 'contactListRecord.update', subject: gid(listId) };
      return await audited(caller, about, async () => {
        const { found, upstreamRequestId, latencyMs } = await client.replace(listId, record, caller.call);
        if (!found)
          throw new NotFoundError('There is no such record, or no such contact list. Check their ids.', gid(listId));
        return { result: { contactId }, detail: { contactId }, upstreamRequestId, latencyMs };
      });
    },

    importKind: createRecordImportKind({ operation, clock }),
  };
}
