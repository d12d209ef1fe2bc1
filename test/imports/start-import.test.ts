import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { finished, LIST, outboundRow, startImport } from '../support/imports.ts';

test('rows given in the call reach the list once each, and every row is in exactly one count', async () => {
  await using gateway = await startGateway();
  const rows = [
    outboundRow(1),
    outboundRow(2),
    outboundRow(1),
    { ...outboundRow(3), phone: 'not a number' },
    { ...outboundRow(4), doNotCall: 'perhaps' },
  ];
  const id = await startImport(gateway, rows);
  const { state, progress, rejections, report } = await finished(gateway, id);

  expect(state).toBe('COMPLETED');
  expect(progress).toMatchObject({
    received: 5,
    valid: 2,
    rejected: 2,
    duplicates: 1,
    succeeded: 2,
    pending: 0,
    percent: 100,
  });
  expect(rejections.nodes).toMatchObject([
    { row: 3, stage: 'DUPLICATE', data: { externalId: rows[2]?.externalId } },
    { row: 4, stage: 'VALIDATION', issues: [{ path: ['phone'], code: 'INVALID_PHONE' }] },
    { row: 5, stage: 'VALIDATION', issues: [{ path: ['doNotCall'], code: 'NOT_BOOLEAN' }] },
  ]);
  expect(report).toMatchObject({
    successRatePercent: 100,
    verification: { countBefore: 0, countAfter: 2, expectedAfter: 2, matches: true },
  });
  const stored = gateway.sandbox.control.state.outboundContacts(DEMO_IDS.contactLists.importTrial);
  expect(stored.map(({ externalId }) => externalId)).toEqual([rows[0]?.externalId, rows[1]?.externalId]);
});

test('2 500 rows travel in three calls of at most 1000', async () => {
  await using gateway = await startGateway();
  const id = await startImport(
    gateway,
    Array.from({ length: 2500 }, (_, index) => outboundRow(index)),
  );
  const { progress, batches } = await finished(gateway, id);
  expect(progress).toMatchObject({ succeeded: 2500, batchesTotal: 3, batchesDone: 3 });
  expect(batches.nodes.map(({ size }: { size: number }) => size)).toEqual([1000, 1000, 500]);
  expect(gateway.sandbox.control.requests().violations).toEqual([]);
});

test('what cannot be imported is refused with the place and the reason, and nothing is stored', async () => {
  await using gateway = await startGateway();
  const start = async (input: Record<string, unknown>) =>
    (
      await gateway.data(
        `mutation ($input: StartImportInput!) { startImport(input: $input) {
           __typename ... on ValidationError { issues { path code } } ... on NotFoundError { message } } }`,
        { input: { kind: 'OUTBOUND_CONTACTS', targetId: LIST, rows: [outboundRow(1)], ...input } },
      )
    ).startImport;

  expect(await start({ targetId: null })).toMatchObject({ issues: [{ path: ['targetId'], code: 'REQUIRED' }] });
  expect(await start({ targetId: 'gid://cxone/Segment/x' })).toMatchObject({ issues: [{ path: ['targetId'] }] });
  expect(await start({ targetId: 'gid://cxone/ContactList/nowhere' })).toMatchObject({ __typename: 'NotFoundError' });
  expect(await start({ options: { defaultCountry: 'XX' } })).toMatchObject({
    issues: [{ path: ['options', 'defaultCountry'], code: 'UNKNOWN_COUNTRY' }],
  });
  expect(await start({ rows: Array.from({ length: 10_001 }, () => ({})) })).toMatchObject({
    issues: [{ path: ['rows'], code: 'TOO_MANY' }],
  });
  expect((await gateway.data('{ imports { nodes { id } } }')).imports.nodes).toEqual([]);
});

test('a validation alone counts every row as the real run would and sends nothing', async () => {
  await using gateway = await startGateway();
  const rows = [outboundRow(1), outboundRow(1), { ...outboundRow(2), phone: '1' }];
  const id = await startImport(gateway, rows, { options: { validateOnly: true } });
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { received: 3, valid: 1, rejected: 1, duplicates: 1, succeeded: 0 },
    report: { successRatePercent: 100 },
  });
  expect(gateway.sandbox.control.state.outboundContacts(DEMO_IDS.contactLists.importTrial)).toEqual([]);
});

test('phone numbers are sent in E.164, read by the default country where they have none', async () => {
  await using gateway = await startGateway();
  const row = { ...outboundRow(1), phone: '(415) 555-2671' };
  const id = await startImport(gateway, [row], { options: { defaultCountry: 'US' } });
  await finished(gateway, id);
  const [stored] = gateway.sandbox.control.state.outboundContacts(DEMO_IDS.contactLists.importTrial);
  expect(stored).toMatchObject({ phone: '+14155552671' });
});
