/** Imports of kind OUTBOUND_CONTACTS: contacts of an outbound list. */
import type { BulkOperation } from '../bulk/bulk-operation.ts';
import type { ImportKind } from '../bulk/import-kind.ts';
import { createPhoneNormaliser } from '../phone-numbers.ts';
import type { ContactListClient } from './client.ts';
import { type OutboundContact, outboundDedupeKey } from './model.ts';
import { checkOutboundRow } from './outbound-row.ts';

export function createOutboundImportKind(deps: {
  client: ContactListClient;
  operation: BulkOperation<OutboundContact>;
}): ImportKind<OutboundContact> {
  return {
    name: 'OUTBOUND_CONTACTS',
    targetType: 'ContactList',
    takesCampaign: false,
    defaultOnDuplicate: 'SKIP',
    severalSenders: false,
    columns: {
      known: [
        'externalId',
        'firstName',
        'lastName',
        'phone',
        'email',
        'countryCode',
        'doNotCall',
        'doNotEmail',
        'customFields',
      ],
      aliases: {},
      rest: 'customFields',
    },

    async open({ targetId }, options, call) {
      const target = targetId ?? '';
      const list = await deps.client.get(target, call);
      if (!list) return null;
      const phones = createPhoneNormaliser(options.defaultCountry);
      return (row) => {
        const checked = checkOutboundRow(row, phones);
        if ('issues' in checked) return checked;
        return { item: checked.contact, target, dedupeKey: outboundDedupeKey(checked.contact) };
      };
    },

    operation: () => deps.operation,

    count: async (target, call) => (await deps.client.get(target, call))?.totalContactCount ?? null,
  };
}
