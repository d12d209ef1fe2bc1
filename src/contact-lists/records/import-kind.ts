/** Imports of kind RECORDS: consent records of a contact list. */
import type { ImportKind } from '../../bulk/import-kind.ts';
import type { Clock } from '../../clock.ts';
import { NotFoundError } from '../../errors.ts';
import { createPhoneNormaliser } from '../../phone-numbers.ts';
import type { ContactListClient } from '../client.ts';
import { createRecordOperation } from './bulk.ts';
import { checkRecord } from './check-record.ts';
import type { RecordClient } from './client.ts';
import { type RecordItem, recordDedupeKey } from './model.ts';

export function createRecordImportKind(deps: {
  lists: ContactListClient;
  client: RecordClient;
  clock: Clock;
}): ImportKind<RecordItem> {
  const { lists, client, clock } = deps;
  return {
    name: 'RECORDS',
    targetType: 'ContactList',
    takesCampaign: false,
    defaultOnDuplicate: 'SKIP',
    columns: {
      known: ['contactId', 'phoneNumbers', 'customFields', 'consentTimestamp', 'optInStatus'],
      aliases: { phone: 'phoneNumbers.0.number' },
      rest: 'customFields',
    },

    async open({ targetId }, { defaultCountry, onDuplicate }, call) {
      const target = targetId ?? '';
      const list = await lists.get(target, call);
      if (!list) throw new NotFoundError('There is no such contact list.');
      const phones = createPhoneNormaliser(defaultCountry);
      return (row) => {
        const checked = checkRecord(row, { phones, nowMs: clock.now() });
        if ('issues' in checked) return checked;
        const { record } = checked;
        return { item: { record, onDuplicate }, target, dedupeKey: recordDedupeKey(record) };
      };
    },

    operation: () => createRecordOperation({ client }),

    count: async (target, call) => (await lists.get(target, call))?.totalContactCount ?? null,
  };
}
