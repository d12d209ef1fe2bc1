/** The two endpoints of consent records (cxone-api.md, section 3). */
import { z } from 'zod';
import type { CallContext } from '../../cxone/call-context.ts';
import type { CxoneAnswer, CxoneClient, CxoneRefusal } from '../../cxone/client.ts';
import type { ContactListRecord } from './model.ts';

const notices = z.array(z.unknown()).nullish();

/** `recordsCreated` may be anything: whether it adds up is for whoever knows what was sent. */
const wireAnswer = z.object({ recordsCreated: z.unknown(), warnings: notices, errors: notices });
export type WireRecordsAnswer = z.infer<typeof wireAnswer>;

/** The body of a 409, which lists the duplicates. */
const wireConflict = z.object({ warnings: notices, errors: notices });

export interface RecordClient {
  /** All or none of them. Not repeatable: what was taken the first time is a duplicate the second time. */
  add(
    listId: string,
    records: readonly ContactListRecord[],
    call: CallContext,
  ): Promise<CxoneAnswer<WireRecordsAnswer> | CxoneRefusal<409>>;
  /** Replaces one record as a whole. Repeatable: the same record twice is the same record. */
  replace(
    listId: string,
    record: ContactListRecord,
    call: CallContext,
  ): Promise<{ found: boolean; upstreamRequestId: string | undefined; latencyMs: number }>;
}

const LISTS = ['api', 'v2', 'contactlists'] as const;

export function createRecordClient(cxone: CxoneClient): RecordClient {
  return {
    add: (listId, records, call) =>
      cxone.send(
        {
          group: 'records',
          method: 'POST',
          path: [...LISTS, listId, 'records'],
          body: { records },
          answer: wireAnswer,
          accept: [409],
        },
        call,
      ),

    async replace(listId, record, call) {
      const { status, upstreamRequestId, latencyMs } = await cxone.send(
        {
          group: 'records',
          method: 'PUT',
          path: [...LISTS, listId, 'records', record.contactId],
          body: record,
          // It has happened, whatever the answer looks like.
          answer: z.unknown(),
          repeatable: 'always',
          accept: [404],
        },
        call,
      );
      return { found: status !== 404, upstreamRequestId, latencyMs };
    },
  };
}

/** What a 409 says of the batch; empty lists where it says nothing readable. */
export function readConflict(body: unknown): { warnings: readonly unknown[]; errors: readonly unknown[] } {
  const { warnings, errors } = wireConflict.safeParse(body).data ?? {};
  return { warnings: warnings ?? [], errors: errors ?? [] };
}
