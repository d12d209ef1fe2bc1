/** At most three segments are written at the same time for one contact (cxone-api.md, section 6), over all of the process. */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { RateLimitedError } from '../errors.ts';

/** Section 6. */
const MAX_PARALLEL = 3;

export interface ParallelWrites {
  /**
   * Waits until each of the contacts may be written once more. Whoever came first goes first, but holds up only those
   * who want the same contacts.
   *
   * @returns to be called when the write is over
   * @throws RateLimitedError where the deadline comes first; the reason of the signal
   */
  enter(contactIds: readonly string[], call: CallContext): Promise<() => void>;
}

interface Waiter {
  readonly contactIds: readonly string[];
  readonly admit: () => void;
}

export function createParallelWrites({ clock }: { clock: Clock }): ParallelWrites {
  const underWay = new Map<string, number>();
  const waiters = new Set<Waiter>();

  function serve(): void {
    /** Contacts of those who wait already: nobody may overtake them there. */
    const wanted = new Set<string>();
    for (const waiter of waiters) {
      const { contactIds, admit } = waiter;
      const mayGo = contactIds.every((id) => !wanted.has(id) && (underWay.get(id) ?? 0) < MAX_PARALLEL);
      if (!mayGo) {
        for (const id of contactIds) wanted.add(id);
        continue;
      }
      waiters.delete(waiter);
      for (const id of contactIds) underWay.set(id, (underWay.get(id) ?? 0) + 1);
      admit();
    }
  }

  function leave(contactIds: readonly string[]): void {
    for (const id of contactIds) {
      const left = (underWay.get(id) ?? 1) - 1;
      if (left > 0) underWay.set(id, left);
      else underWay.delete(id);
    }
    serve();
  }

  return {
    async enter(contactIds, { signal, deadlineAt, tally }) {
      signal?.throwIfAborted();
      const cameAt = clock.monotonic();
      const turn = Promise.withResolvers<void>();
      const waiter = { contactIds, admit: turn.resolve };
      const giveUp = (reason: unknown) => {
        if (!waiters.delete(waiter)) return;
        turn.reject(reason);
        serve(); // Those behind may have waited for it alone.
      };
      const onAbort = () => giveUp(signal?.reason);
      const admitted = new AbortController();
      waiters.add(waiter);
      serve();
      if (waiters.has(waiter)) {
        signal?.addEventListener('abort', onAbort, { once: true });
        if (deadlineAt !== undefined) {
          clock.sleep(Math.max(0, Math.ceil(deadlineAt - cameAt)), admitted.signal).then(
            () =>
              giveUp(
                new RateLimitedError(
                  `A contact is being added to ${MAX_PARALLEL} segments already. Try again in a moment.`,
                  1000,
                ),
              ),
            () => {}, // It was admitted before.
          );
        }
      }
      try {
        await turn.promise;
      } finally {
        signal?.removeEventListener('abort', onAbort);
        admitted.abort();
        tally.waitedMs += clock.monotonic() - cameAt;
      }
      return () => leave(contactIds);
    },
  };
}
