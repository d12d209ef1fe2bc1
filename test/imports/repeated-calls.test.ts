import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { openDatabase } from '../../src/store/database.ts';
import { startGateway } from '../support/gateway.ts';
import { finished, LIST, outboundRow, put } from '../support/imports.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const SEGMENT = `gid://cxone/Segment/${DEMO_IDS.segments.summerInvitees}`;
const CALLS = [
  ['startImport', 'StartImportInput', { kind: 'OUTBOUND_CONTACTS', targetId: LIST, rows: [outboundRow(1)] }],
  ['assignContactsToSegments', 'AssignContactsToSegmentsInput', { contactIds: ['c-1'], segmentIds: [SEGMENT] }],
  ['createImportUpload', 'CreateImportUploadInput', { kind: 'OUTBOUND_CONTACTS', targetId: LIST, format: 'CSV' }],
] as const;

test.each(CALLS)(
  '%s, come again after a crash kept its import and not its answer, makes no second one',
  async (...one) => {
    const [name, type, content] = one;
    await using database = await freshDatabaseUrl('sqlite');
    await using gateway = await startGateway({ databaseUrl: database.url });
    await using beside = await openDatabase({ url: database.url, clock: systemClock });
    const call = async (input: object) => {
      const url = name === 'createImportUpload' ? '... on CreateImportUploadPayload { import { id } url }' : '';
      const started = url === '' ? '... on StartImportPayload { import { id } }' : url;
      const query = `mutation ($input: ${type}!) { result: ${name}(input: $input) { __typename ${started} } }`;
      return (await gateway.data(query, { input: { ...content, idempotencyKey: 'once', ...input } })).result;
    };
    const first = await call({});
    // What a process leaves that dies between the two.
    await beside.db.deleteFrom('idempotency_keys').execute();
    const again = await call({});
    expect(again.import.id).toBe(first.import.id);
    expect((await call({})).import.id).toBe(first.import.id);
    expect((await call({ idempotencyKey: 'twice' })).import.id).not.toBe(first.import.id);
    if (again.url) {
      const csv = 'externalId,phone,doNotCall,doNotEmail\nA-1,+14155550101,true,false\n';
      expect((await put(again.url, csv)).status).toBe(200);
    }
    expect(await finished(gateway, first.import.id)).toMatchObject({ progress: { received: 1, succeeded: 1 } });
    expect((await gateway.data('{ imports { nodes { id } } }')).imports.nodes).toHaveLength(2);

    await beside.db.deleteFrom('idempotency_keys').execute();
    const aDayAgo = Date.now() - 24 * 3_600_000 - 1;
    await beside.db.updateTable('imports').set({ created_at: aDayAgo }).execute();
    expect((await call({})).import.id).not.toBe(first.import.id);
  },
);
