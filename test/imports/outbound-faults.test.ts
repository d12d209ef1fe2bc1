import { expect, test } from 'vitest';
import { MAX_ATTEMPTS } from '../../src/cxone/limits.ts';
import type { SandboxControl } from '../../src/sandbox/control.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { assertAddsUp, createUpload, finished, outboundRow, put, startImport } from '../support/imports.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const CONTACTS = { method: 'POST', path: '/api/v2/outbound/contactlists/{listId}/contacts' };
const LIST_COUNT = { method: 'GET', path: '/api/v2/outbound/contactlists/{listId}' };
const QUICK = { sandbox: { limits: { outbound: 1000 } }, env: { CXONE_LIMITS: '{"outbound":1000}' } };

const isWrite = ({ route }: { route: string }) => route === `POST ${CONTACTS.path}`;

const rows = (count: number) => Array.from({ length: count }, (_, index) => outboundRow(index));
const held = (control: SandboxControl) => control.state.contactList(LIST_ID).total;

/** What every import must end as, whatever happened to it: its counts are what the list holds, and nothing is there twice. */
function expectTruth(gateway: TestGateway, outcome: { progress: Record<string, number> }): void {
  const { control } = gateway.sandbox;
  expect(control.state.outboundDuplicates(LIST_ID)).toEqual([]);
  const { succeeded = 0, unknown = 0 } = outcome.progress;
  expect(held(control)).toBeGreaterThanOrEqual(succeeded);
  expect(held(control)).toBeLessThanOrEqual(succeeded + unknown);
}

async function auditOfEnd(gateway: TestGateway, id: string) {
  const { auditEntries } = await gateway.data(
    'query ($id: String!) { auditEntries(filter: { subject: $id, action: "import.finish" }) { nodes { outcome detail } } }',
    { id },
  );
  return auditEntries.nodes;
}

test.each([
  ['a 429 that says when', { status: 429, retryAfter: 1, times: 2 }],
  ['a 500 before the write', { status: 500, every: 2, times: 3 }],
  ['a 503 after the write', { status: 503, applied: true, every: 2, times: 3 }],
  ['a reset before the write', { cut: 'before', applied: false, every: 2, times: 3 }],
  ['a reset after the write', { cut: 'before', applied: true, every: 2, times: 3 }],
  ['an answer cut in the middle', { cut: 'middle', every: 2, times: 3 }],
  ['an answer that is no JSON', { text: '<html>', applied: true, every: 2, times: 3 }],
] as const)('%s: every row gets in once, and is counted so', async (_name, fault) => {
  await using gateway = await startGateway(QUICK);
  gateway.sandbox.control.fail({ ...CONTACTS, ...fault });
  const id = await startImport(gateway, rows(5000));
  const outcome = await finished(gateway, id);
  expectTruth(gateway, outcome);
  expect(outcome).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 5000, failed: 0, unknown: 0 } });
});

test('rows that CXone refuses fail alone, with its reason; a retry sends just those', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const fault = control.fail({ ...CONTACTS, refuse: { every: 100, code: 'InvalidNumber', message: 'unreachable' } });
  const id = await startImport(gateway, rows(2000));
  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    progress: { succeeded: 1980, failed: 20 },
    report: { successRatePercent: 99, verification: { matches: true } },
  });
  expect(outcome.rejections.nodes[0]).toMatchObject({
    stage: 'UPSTREAM',
    issues: [{ code: 'InvalidNumber', message: 'unreachable' }],
    data: { externalId: expect.stringMatching(/^CRM-/) },
  });
  expectTruth(gateway, outcome);

  control.removeFault(fault.id);
  const { retryImport } = await gateway.data(
    'mutation ($id: ID!) { retryImport(input: { id: $id }) { ... on RetryImportPayload { import { progress { pending failed } } } } }',
    { id },
  );
  expect(retryImport.import.progress).toEqual({ pending: 20, failed: 0 });
  const again = await finished(gateway, id);
  expect(again).toMatchObject({
    state: 'COMPLETED',
    progress: { succeeded: 2000, failed: 0 },
    rejections: { nodes: [] },
  });
  expect(again.report.verification.matches).toBe(true);
  expectTruth(gateway, again);
});

test('of two who retry an import at once, one does, and the other is told that it runs', async () => {
  await using gateway = await startGateway(QUICK);
  gateway.sandbox.control.fail({ ...CONTACTS, refuse: { every: 2, code: 'InvalidNumber' }, times: 1 });
  const id = await startImport(gateway, rows(4));
  await finished(gateway, id);
  const retry = `mutation ($id: ID!) { retryImport(input: { id: $id }) {
    ... on RetryImportPayload { import { state } } ... on ConflictError { reason } } }`;
  const answers = await Promise.all([gateway.data(retry, { id }), gateway.data(retry, { id })]);
  expect(answers.map(({ retryImport }) => retryImport)).toEqual(
    expect.arrayContaining([{ import: { state: 'RUNNING' } }, { reason: 'NOT_IN_THIS_STATE' }]),
  );
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 4 } });
  expect(held(gateway.sandbox.control)).toBe(4);
});

test('one bad row that makes CXone refuse the whole batch does not keep the others out', async () => {
  await using gateway = await startGateway(QUICK);
  const id = await startImport(gateway, [...rows(99), { ...outboundRow(99), customFields: { 'a.b': 'x' } }]);
  const { control } = gateway.sandbox;
  const outcome = await finished(gateway, id);
  expect(outcome.progress.succeeded).toBeGreaterThanOrEqual(99);
  expectTruth(gateway, outcome);
  expect(held(control)).toBe(outcome.progress.succeeded);
});

test('an answer that can never be settled is unknown, and says so', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  control.fail({ ...CONTACTS, cut: 'before', applied: true, times: 1 });
  // Nobody can tell any more what the batch did once somebody else has written to the list.
  control.fail({
    method: 'GET',
    path: '/api/v2/outbound/contactlists/{listId}',
    skip: 3,
    merge: { totalContactCount: 7 },
  });
  const id = await startImport(gateway, rows(10));
  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({ state: 'COMPLETED_WITH_FAILURES', progress: { succeeded: 0, unknown: 10 } });
  expect(outcome.rejections.nodes[0]).toMatchObject({ stage: 'UNKNOWN', issues: [{ code: 'NO_ANSWER' }] });
});

test('counts that do not add up end with failures, and the discrepancy is in the verification and the audit', async () => {
  await using gateway = await startGateway(QUICK);
  gateway.sandbox.control.fail({ ...CONTACTS, merge: { accepted: 12 } });
  const id = await startImport(gateway, rows(10));
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED_WITH_FAILURES', progress: { succeeded: 10 } });
  expect(await auditOfEnd(gateway, id)).toMatchObject([
    { outcome: 'FAILED', detail: { discrepancy: expect.stringContaining('12') } },
  ]);
});

test('a list that cannot be counted at the end leaves the import unverified, not unfinished', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const written = control.hold(CONTACTS);
  const id = await startImport(gateway, rows(10));
  await control.waitFor(isWrite);
  control.fail({ ...LIST_COUNT, status: 403 });
  written.release();
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    progress: { succeeded: 10 },
    report: { successRatePercent: 100, verification: null },
  });
  expect(await auditOfEnd(gateway, id)).toMatchObject([
    { detail: { discrepancy: expect.stringContaining('could not be counted') } },
  ]);
});

test('imports that run into one list side by side do not take each other’s rows for strangers’', async () => {
  await using gateway = await startGateway(QUICK);
  const groups = Array.from({ length: 20 }, (_, group) => rows(1020).slice(group * 50, group * 50 + 50 + group));
  const ids = await Promise.all(groups.map((group) => startImport(gateway, group)));
  for (const id of ids) {
    const outcome = await finished(gateway, id);
    expect(outcome).toMatchObject({ state: 'COMPLETED', report: { verification: { matches: true } } });
  }
});

test('a list that grew by strangers’ rows is told of, whatever other imports brought into it meanwhile', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const written = control.hold(CONTACTS);
  const first = await startImport(gateway, rows(10));
  await control.waitFor(isWrite);
  const second = await startImport(gateway, rows(15));
  control.fail({ ...LIST_COUNT, merge: { totalContactCount: 1000 } });
  written.release();
  expect(await finished(gateway, first)).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    report: { verification: { countBefore: 0, countAfter: 1000, matches: false } },
  });
  const { report } = await finished(gateway, second);
  // Its own count began with theirs.
  expect(report.verification).toMatchObject({ countBefore: 1000, expectedAfter: 1015, matches: false });
});

test('a list that cannot be counted just then is counted a little later', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const written = control.hold(CONTACTS);
  const id = await startImport(gateway, rows(10));
  await control.waitFor(isWrite);
  control.fail({ ...LIST_COUNT, status: 503, times: MAX_ATTEMPTS.import });
  written.release();
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED',
    report: { verification: { matches: true } },
  });
});

test('a list that may not be counted before the first batch fails the import, with the reason', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  control.fail({ ...LIST_COUNT, skip: 1, status: 403 });
  const id = await startImport(gateway, rows(10));
  expect(await finished(gateway, id)).toMatchObject({
    state: 'FAILED',
    failure: expect.stringContaining('403'),
    progress: { pending: 10 },
  });
  expect(held(control)).toBe(0);
});

test('more refusals than allowed stop the import; the rest is not sent', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  control.fail({ ...CONTACTS, refuse: { every: 10, code: 'Refused' } });
  const id = await startImport(gateway, rows(5000), { options: { maxFailures: 150 } });
  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({
    state: 'FAILED',
    failure: expect.stringContaining('150'),
    progress: { succeeded: 1800, failed: 200, pending: 3000 },
  });
  expect(held(control)).toBe(1800);
});

test('paused, nothing is sent; resumed, the rest is; cancelled, no more is, and what is wrong in a state is refused', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const steer = async (verb: string, id: string) =>
    (
      await gateway.data(
        `mutation ($id: ID!) { result: ${verb}Import(input: { id: $id }) { __typename ... on ConflictError { reason current { id } } } }`,
        { id },
      )
    ).result;
  const hold = control.hold(CONTACTS);
  const id = await startImport(gateway, rows(3000));
  await control.waitFor(isWrite);
  expect((await steer('pause', id)).__typename).toBe('PauseImportPayload');
  expect(await steer('pause', id)).toMatchObject({ reason: 'NOT_IN_THIS_STATE', current: { id } });
  expect(await steer('retry', id)).toMatchObject({ reason: 'NOT_IN_THIS_STATE' });
  hold.release();
  await untilProgress(gateway, id, ({ succeeded }) => succeeded === 1000);
  expect(held(control)).toBe(1000);

  expect((await steer('resume', id)).__typename).toBe('ResumeImportPayload');
  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 3000 } });
  for (const verb of ['pause', 'resume', 'cancel', 'retry'])
    expect(await steer(verb, id)).toMatchObject({ reason: 'NOT_IN_THIS_STATE' });

  control.resetRequests();
  const second = control.hold(CONTACTS);
  const other = await startImport(
    gateway,
    rows(3000).map((row) => ({ ...row, externalId: `B-${row.externalId}` })),
  );
  await control.waitFor(isWrite);
  expect((await steer('cancel', other)).__typename).toBe('CancelImportPayload');
  second.release();
  await untilProgress(gateway, other, ({ succeeded }) => succeeded === 1000);
  expect(held(control)).toBe(4000);
  expect(await finished(gateway, other)).toMatchObject({
    state: 'CANCELLED',
    progress: { succeeded: 1000, pending: 2000 },
    targets: [{ state: 'CANCELLED', succeeded: 1000, pending: 2000 }],
  });
});

test('rejected rows are downloaded in the shape of the input, and mended they are taken', async () => {
  await using gateway = await startGateway(QUICK);
  const { id, url } = await createUpload(gateway);
  await put(
    url,
    'externalId,phone,doNotCall,doNotEmail,note\nA-1,+14155550101,true,false,=SUM(1)\nA-2,12,true,false,"x, y"\n',
  );
  await finished(gateway, id);
  const {
    import: { rejectionsUrl },
  } = await gateway.data('query ($id: ID!) { import(id: $id) { rejectionsUrl } }', { id });
  const text = await (await fetch(rejectionsUrl)).text();
  expect(text.split('\r\n')[0]).toBe('externalId,phone,doNotCall,doNotEmail,note,_row,_stage,_errors');
  expect(text).toContain('A-2,12,true,false,"x, y",2,VALIDATION,');
  expect((await fetch(rejectionsUrl.split('?')[0])).status).toBe(401);

  const mended = await createUpload(gateway);
  await put(mended.url, text.replace('A-2,12,', "A-2,'+14155550102,"));
  expect(await finished(gateway, mended.id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 1 } });
  expect(gateway.sandbox.control.state.outboundContacts(LIST_ID)).toMatchObject([
    { externalId: 'A-1', customFields: { note: '=SUM(1)' } },
    { externalId: 'A-2', phone: '+14155550102', customFields: { note: 'x, y' } },
  ]);
});

async function untilProgress(
  gateway: TestGateway,
  id: string,
  reached: (progress: Record<string, number>) => boolean,
): Promise<void> {
  for (;;) {
    const data = await gateway.data(
      'query ($id: ID!) { import(id: $id) { progress { received valid rejected duplicates succeeded skipped failed unknown pending } } }',
      { id },
    );
    assertAddsUp(data.import.progress);
    if (reached(data.import.progress)) return;
  }
}
