/** Single outbound contacts: each shares a bulk call with its neighbours, and is answered alone. */

import { type Caller, cutShort } from '../bulk/audited.ts';
import type { BulkCall, BulkLoader, SharedWrite } from '../bulk/bulk-loader.ts';
import type { BulkOperation } from '../bulk/bulk-operation.ts';
import { sendingEqualsOnce } from '../bulk/equal-items.ts';
import { takenAs } from '../bulk/item-outcome.ts';
import { NotFoundError, UpstreamError, ValidationError } from '../errors.ts';
import { createPhoneNormaliser } from '../phone-numbers.ts';
import type { OutboundContact } from './model.ts';
import { checkOutboundRow } from './outbound-row.ts';

export interface OutboundContacts {
  /**
   * @param input as it was given: what is wrong with it is told by path
   * @throws ValidationError; NotFoundError: no such list; what `BulkLoader.load` throws
   */
  add(
    listId: string,
    input: Readonly<Record<string, unknown>>,
    caller: Caller,
  ): Promise<{ externalId: string; bulkCall: BulkCall }>;
}

export function createOutboundContacts(deps: {
  operation: BulkOperation<OutboundContact>;
  loader: BulkLoader;
  globalId: (type: string, id: string) => string;
}): OutboundContacts {
  const { operation, loader, globalId } = deps;
  const phones = createPhoneNormaliser();
  const write: SharedWrite<OutboundContact> = {
    // Section 4: duplicates are removed before sending. Callers who say different things of one contact are both heard.
    // The rows of an import are told apart as they come in.
    operation: sendingEqualsOnce(operation, (contact) => JSON.stringify(contact)),
    action: 'outboundContact.add',
    subject: (listId) => globalId('ContactList', listId),
    idOf: ({ externalId }) => externalId,
  };

  return {
    async add(listId, input, caller) {
      const checked = checkOutboundRow(input, phones);
      if ('issues' in checked)
        throw new ValidationError(checked.issues.map((issue) => ({ ...issue, path: ['contact', ...issue.path] })));
      // A list does not tell what it holds, and takes the same contact twice (cxone-api.md, section 4).
      if (caller.mayBeDone) throw cutShort();
      const loaded = await loader.load(write, listId, checked.contact, caller).catch((error: unknown) => {
        if (!(error instanceof UpstreamError && error.status === 404)) throw error;
        throw new NotFoundError('There is no such contact list. Check its id.', globalId('ContactList', listId));
      });
      takenAs(loaded, 'contact');
      return { externalId: checked.contact.externalId, bulkCall: loaded.bulkCall };
    },
  };
}
