/** Deletes a contact. A DELETE whose answer is lost is looked after: a contact that is gone is deleted. */
import type { Effect } from '../bulk/audited.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { NotFoundError, OutcomeUnknownError } from '../errors.ts';
import type { ContactClient } from './client.ts';
import type { ContactReads } from './reads.ts';
import { settlingCall } from './shared-call.ts';

/** @throws NotFoundError; OutcomeUnknownError sent, and it cannot be told whether the contact is gone */
export type ContactRemoval = (
  bookId: string,
  contactId: string,
  caller: { readonly call: CallContext; readonly mayBeDone?: boolean | undefined },
) => Promise<Effect<void>>;

/** Sends of one deletion, each but the first after a look that the contact is still there. */
const MAX_SENDS = 3;

export function createContactRemoval(deps: {
  client: ContactClient;
  reads: ContactReads;
  contactGid: (bookId: string, contactId: string) => string;
  /** Told of every contact that is, or may be, gone. */
  onWrite: (contactId: string) => void;
  clock: Clock;
}): ContactRemoval {
  const { client, reads, contactGid, onWrite, clock } = deps;

  return async (bookId, contactId, { call, mayBeDone }) => {
    for (let sends = 1; ; sends++) {
      try {
        const reply = await client.remove(bookId, contactId, call);
        if (reply !== 'gone') return { result: undefined, ...reply };
        if (sends > 1 || mayBeDone) return { result: undefined };
        throw new NotFoundError('There is no such contact. Check its id.', contactGid(bookId, contactId));
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError)) throw error;
        const contact = await reads.getFresh(bookId, contactId, settlingCall(call, clock)).catch(() => {
          throw error;
        });
        if (!contact) return { result: undefined, upstreamRequestId: error.upstreamRequestId };
        if (sends === MAX_SENDS) throw error;
      } finally {
        reads.forget(contactId);
        onWrite(contactId);
      }
    }
  };
}
