/** Makes new contacts. CXone has no idempotency key for it, so an answer that is lost is looked for by the contact's own key. */
import { cutShort } from '../bulk/audited.ts';
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { NotFoundError, OutcomeUnknownError } from '../errors.ts';
import type { ContactClient, Written } from './client.ts';
import { keyDigest, type UpsertKey } from './keys.ts';
import type { ContactLookup } from './lookup.ts';
import { applyPatch, type ContactPatch, changedAttributes, toPutBody } from './merge.ts';
import type { Contact, WireContact } from './model.ts';
import type { ContactReads } from './reads.ts';
import { settlingCall } from './shared-call.ts';

export interface Created extends Omit<Written, 'contact'> {
  readonly contact: Contact;
  /** The names of what the contact was made with. */
  readonly attributes: readonly string[];
}

export interface ContactCreation {
  /**
   * @param by what the new contact can be found by
   * @throws NotFoundError no such book; OutcomeUnknownError sent, and it cannot be told whether the contact was made
   */
  create(
    bookId: string,
    contact: ContactPatch,
    by: CreationKey | undefined,
    caller: { readonly call: CallContext; readonly mayBeDone?: boolean | undefined },
  ): Promise<Created>;
}

export interface CreationKey {
  readonly key: UpsertKey;
  /** There was no contact of the key, and nobody else makes one meanwhile. */
  readonly isFree: boolean;
}

const NOTHING: WireContact = { id: '' };
/** Sends of one contact, each but the first after two looks that it is not there. */
const MAX_SENDS = 3;
/** Between the two looks, in milliseconds: a POST whose connection broke may still be under way at CXone. */
const LOOK_AGAIN_MS = 300;

export function createContactCreation(deps: {
  client: ContactClient;
  reads: ContactReads;
  lookup: ContactLookup;
  bookGid: (bookId: string) => string;
  /** Told of every contact that was made for a key. */
  onMade: (contactId: string, digest: string) => void;
  clock: Clock;
}): ContactCreation {
  const { client, reads, lookup, bookGid, onMade, clock } = deps;

  /** The contact that was sent, where exactly one that can be it is there; undefined where there is none of the key at all. */
  async function findSent(bookId: string, patch: ContactPatch, by: CreationKey, lost: Error, call: CallContext) {
    // CXone may have added to it. But where others could have made one, only one that is the same throughout is ours.
    const isSent = ({ wire }: Contact) =>
      changedAttributes(wire, applyPatch(by.isFree ? wire : NOTHING, patch)).length === 0;
    for (const isLast of [false, true]) {
      const found = await lookup.find(bookId, by.key, call).catch(() => {
        throw lost;
      });
      const same = found.filter(isSent);
      if (same.length === 1) return same[0];
      // What is there may be ours, changed since, or somebody else's.
      if (found.length > 0) throw lost;
      if (!isLast) await clock.sleep(LOOK_AGAIN_MS);
    }
    return undefined;
  }

  async function send(bookId: string, sent: WireContact, call: CallContext): Promise<Written | OutcomeUnknownError> {
    try {
      const { id: _none, ...body } = toPutBody(sent);
      const reply = await client.create(bookId, body, call);
      if (!reply) throw new NotFoundError('There is no such address book. Check its id.', bookGid(bookId));
      return reply;
    } catch (error) {
      if (error instanceof OutcomeUnknownError) return error;
      throw error;
    }
  }

  async function create(
    bookId: string,
    patch: ContactPatch,
    by: CreationKey | undefined,
    { call, mayBeDone }: Parameters<ContactCreation['create']>[3],
  ): Promise<Omit<Created, 'attributes'>> {
    const sent = applyPatch(NOTHING, patch);
    let settling: CallContext | undefined;
    for (let sends = mayBeDone ? 0 : 1; ; sends++) {
      const reply = sends === 0 ? cutShort() : await send(bookId, sent, settling ?? call);
      if (!(reply instanceof Error) && reply.contact) {
        const { contact, ...head } = reply;
        if (changedAttributes(sent, contact.wire).length === 0) return { contact, ...head };
        // It is there whether or not it can be looked at.
        const shown = await reads.getFresh(bookId, contact.id, settlingCall(call, clock)).catch(() => null);
        return { contact: shown ?? { ...contact, wire: { ...sent, id: contact.id } }, ...head };
      }
      const isTaken = !(reply instanceof Error);
      const lost = isTaken
        ? new OutcomeUnknownError('CXone took the contact, but did not show it. Look before sending it again.')
        : reply;
      if (!by) throw lost;
      settling ??= settlingCall(call, clock);
      const contact = await findSent(bookId, patch, by, lost, settling);
      if (contact) return { contact, upstreamRequestId: lost.upstreamRequestId, latencyMs: 0 };
      if (isTaken || sends === MAX_SENDS) throw lost;
    }
  }

  return {
    async create(bookId, patch, by, caller) {
      const created = await create(bookId, patch, by, caller);
      const { contact } = created;
      reads.wrote(contact);
      if (by) onMade(contact.id, keyDigest(bookId, by.key));
      return { ...created, attributes: changedAttributes(NOTHING, contact.wire) };
    },
  };
}
