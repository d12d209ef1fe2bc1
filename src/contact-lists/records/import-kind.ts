/** Imports of kind RECORDS: consent records of a contact list. */
import type { BulkOperation } from '../../bulk/bulk-operation.ts';
import type { ImportKind } from '../../bulk/import-kind.ts';
import type { Clock } from '../../clock.ts';
import { createPhoneNormaliser } from '../../phone-numbers.ts';
import { checkRecord } from './check-record.ts';
import { type RecordItem, recordDedupeKey } from './model.ts';

export function createRecordImportKind(deps: {
  operation: BulkOperation<RecordItem>;
  clock: Clock;
}): ImportKind<RecordItem> {
  const { operation, clock } = deps;
  return {
    name: 'RECORDS',
    targetType: 'ContactList',
    takesCampaign: false,
    defaultOnDuplicate: 'SKIP',
    severalSenders: true,
    columns: {
      known: ['contactId', 'phoneNumbers', 'customFields', 'consentTimestamp', 'optInStatus'],
      aliases: { phone: 'phoneNumbers.0.number' },
      rest: 'customFields',
    },

    /** CXone has no call that reads a list of records: whether there is one, the first batch tells. */
    async open({ targetId }, { defaultCountry, onDuplicate }) {
      const target = targetId ?? '';
      const phones = createPhoneNormaliser(defaultCountry);
      return (row) => {
        const checked = checkRecord(row, { phones, nowMs: clock.now() });
        if ('issues' in checked) return checked;
        const { record } = checked;
        return { item: { record, onDuplicate }, target, dedupeKey: recordDedupeKey(record) };
      };
    },

    operation: () => operation,
  };
}
