import { describe, expect, test } from 'vitest';
import type { Attempt, BulkOperation } from '../../src/bulk/bulk-operation.ts';
import type { ContactListClient } from '../../src/contact-lists/client.ts';
import type { OutboundContact } from '../../src/contact-lists/model.ts';
import { createOutboundOperation } from '../../src/contact-lists/outbound-bulk.ts';
import { createRecordOperation } from '../../src/contact-lists/records/bulk.ts';
import type { RecordClient } from '../../src/contact-lists/records/client.ts';
import type { RecordItem } from '../../src/contact-lists/records/model.ts';
import type { CallContext } from '../../src/cxone/call-context.ts';
import { newUpstreamTally } from '../../src/cxone/call-context.ts';
import { OutcomeUnknownError, UpstreamError } from '../../src/errors.ts';
import { createFakeClock } from '../support/clock.ts';

const ATTEMPT: Attempt = { id: 'attempt', checkpoint: undefined };
const answered = {
  status: 200 as const,
  upstreamRequestId: undefined,
  latencyMs: 1,
  etag: undefined,
  retryAfterMs: undefined,
};
/** The batch is refused for one of its items: the rest of it is a call of its own. */
const refusal = () =>
  new UpstreamError('bad', {
    fault: 'refused',
    status: 400,
    retryable: false,
    issues: [{ path: ['3'], code: 'BAD', message: 'is bad' }],
  });
const lost = () => new OutcomeUnknownError('no answer');
const call = (): CallContext => ({
  requestId: 'import',
  lane: { kind: 'import', key: 'import' },
  tally: newUpstreamTally(),
});
const statuses = (outcomes: readonly { status: string }[]) => outcomes.map(({ status }) => status);
const ALL_BUT_THE_FOURTH = ['created', 'created', 'created', 'failed', 'created'];

describe('the part of a batch of records that was not refused, and whose answer is lost', () => {
  /** `calls`: what each call but the first comes to. */
  async function run(calls: readonly ('lost' | 'lostAfterWrite' | 'answered')[]) {
    const clock = createFakeClock();
    const held = new Set<string>();
    let made = 0;
    const add: RecordClient['add'] = async (_listId, records) => {
      if (records.some(({ contactId }) => contactId === 'c-3')) throw refusal();
      const fate = calls[made++];
      if (fate === 'lost') throw lost();
      const warnings = records.flatMap(({ contactId }, index) =>
        held.has(contactId) ? [{ index, contactId, code: 'DUPLICATE', message: 'duplicate' }] : [],
      );
      for (const { contactId } of records) held.add(contactId);
      if (fate === 'lostAfterWrite') throw lost();
      return { ...answered, body: { recordsCreated: records.length - warnings.length, warnings, errors: [] } };
    };
    const operation = createRecordOperation({ client: { add } as RecordClient, clock, firstPauseMs: 100 });
    const items = Array.from(
      { length: 5 },
      (_, index): RecordItem => ({
        record: {
          contactId: `c-${index}`,
          phoneNumbers: [{ type: 'mobile', number: '+14155550100' }],
          consentTimestamp: '2026-01-01T00:00:00Z',
          optInStatus: 'confirmed',
        } as RecordItem['record'],
        onDuplicate: 'SKIP',
      }),
    );
    const { outcomes } = await clock.advanceUntil(operation.send('list', items, ATTEMPT, call()));
    return { outcomes, made, held: held.size };
  }

  test('is sent again until CXone tells that it has it', async () => {
    const { outcomes, held } = await run(['lostAfterWrite', 'lost', 'lost', 'answered']);
    expect(statuses(outcomes)).toEqual(ALL_BUT_THE_FOURTH);
    expect(held).toBe(4);
  });

  test('is sent again until CXone takes it', async () => {
    const { outcomes, held } = await run(['lost', 'lost', 'answered']);
    expect(statuses(outcomes)).toEqual(ALL_BUT_THE_FOURTH);
    expect(held).toBe(4);
  });

  test('is unknown once CXone has not told for long', async () => {
    const { outcomes, made } = await run(Array.from({ length: 20 }, () => 'lost'));
    expect(statuses(outcomes)).toEqual(['unknown', 'unknown', 'unknown', 'failed', 'unknown']);
    expect(made).toBe(6);
  });
});

describe('the part of a batch of outbound contacts that was not refused, and whose answer is lost', () => {
  async function run(calls: readonly ('lost' | 'lostAfterWrite' | 'answered')[], written = 0) {
    const clock = createFakeClock();
    let total = 100;
    let made = 0;
    const client: Pick<ContactListClient, 'get' | 'addOutbound'> = {
      get: async (id) => ({ id, name: 'list', totalContactCount: total }),
      async addOutbound(_listId, json) {
        const contacts = JSON.parse(json) as { externalId: string }[];
        if (contacts.some(({ externalId }) => externalId === 'c-3')) throw refusal();
        const fate = calls[made++];
        if (fate !== 'lost') total += contacts.length;
        if (fate !== 'answered') {
          total += written;
          throw lost();
        }
        return { ...answered, body: { accepted: contacts.length, rejected: [] } };
      },
    };
    const operation = createOutboundOperation({ client: client as ContactListClient, clock, secondLookMs: 100 });
    const items = Array.from(
      { length: 5 },
      (_, index): OutboundContact => ({
        externalId: `c-${index}`,
        phone: '+14155550100',
        doNotCall: false,
        doNotEmail: false,
      }),
    );
    const send = async (of: BulkOperation<OutboundContact>) => {
      const checkpoint = await of.checkpoint?.('list', call());
      return await of.send('list', items, { ...ATTEMPT, checkpoint }, call());
    };
    const { outcomes } = await clock.advanceUntil(send(operation));
    return { outcomes, held: total - 100 };
  }

  test('is taken for written where the list has grown by it', async () => {
    const { outcomes, held } = await run(['lostAfterWrite']);
    expect(statuses(outcomes)).toEqual(ALL_BUT_THE_FOURTH);
    expect(held).toBe(4);
  });

  test('is sent again where the list has not grown', async () => {
    const { outcomes, held } = await run(['lost', 'answered']);
    expect(statuses(outcomes)).toEqual(ALL_BUT_THE_FOURTH);
    expect(held).toBe(4);
  });

  test('is unknown where others wrote to the list as well', async () => {
    const { outcomes } = await run(['lostAfterWrite'], 1);
    expect(statuses(outcomes)).toEqual(['unknown', 'unknown', 'unknown', 'failed', 'unknown']);
  });
});
