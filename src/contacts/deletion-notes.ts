/** What a deletion has done so far, in the audit: told to whoever asks, and read again by whoever goes on after a stop. */
import type { Audited, Caller } from '../bulk/audited.ts';
import type { AuditLog } from '../store/audit-log.ts';

export interface DeletionNotes {
  write(bookId: string, caller: Caller, action: string, detail: Record<string, unknown>): Promise<void>;
  /** The newest first. */
  read(bookId: string, action: string): AsyncGenerator<Record<string, unknown>>;
}

const AUDIT_PAGE = 250;

export function createDeletionNotes(deps: {
  audit: AuditLog;
  audited: Audited;
  bookGid: (bookId: string) => string;
}): DeletionNotes {
  const { audit, audited, bookGid } = deps;
  return {
    async write(bookId, caller, action, detail) {
      await audited(caller, { action, subject: bookGid(bookId) }, async () => ({ result: undefined, detail }));
    },
    async *read(bookId, action) {
      const filter = { subject: bookGid(bookId), action, outcome: 'SUCCEEDED' } as const;
      for (let after: number | undefined; ; ) {
        const { entries, hasNextPage } = await audit.page({ first: AUDIT_PAGE, after, filter });
        for (const { detail } of entries) yield detail;
        after = entries.at(-1)?.id;
        if (!hasNextPage) return;
      }
    },
  };
}
