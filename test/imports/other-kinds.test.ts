import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { createUpload, finished, put, startImport } from '../support/imports.ts';

const LIST_ID = DEMO_IDS.contactLists.importTrial;
const FAST = { records: 1000, enrichment: 1000, segments: 1000, outbound: 1000 };
const QUICK = { sandbox: { limits: FAST }, env: { CXONE_LIMITS: JSON.stringify(FAST) } };
const CONSENT = new Date(Date.now() - 86_400_000).toISOString();

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const phoneOf = (index: number) => `+1415${2_000_000 + index}`;

test('RECORDS: hundreds of rows in calls of at most 100, faults and duplicates in between, each row once', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const path = '/api/v2/contactlists/{listId}/records';
  control.fail({ method: 'POST', path, every: 3, status: 503, applied: true, times: 2 });
  control.fail({ method: 'POST', path, every: 4, cut: 'before', applied: false, times: 2 });
  const { id, url } = await createUpload(gateway, { kind: 'RECORDS' });
  const lines = numbers(950).map((index) => `c-${index},${phoneOf(index)},${CONSENT},confirmed`);
  await put(url, ['contactId,phone,consentTimestamp,optInStatus', ...lines, 'c-x,12,,maybe', lines[0]].join('\n'));
  expect(await finished(gateway, id)).toMatchObject({
    progress: {
      received: 952,
      rejected: 1,
      duplicates: 1,
      valid: 950,
      succeeded: 950,
      skipped: 0,
      failed: 0,
      unknown: 0,
    },
  });
  expect(control.state.records(LIST_ID)).toHaveLength(950);
  expect(control.requests().violations).toEqual([]);
});

test.each([
  ['SKIP', { succeeded: 90, skipped: 10, failed: 0 }, 'COMPLETED'],
  ['UPDATE', { succeeded: 100, skipped: 0, failed: 0 }, 'COMPLETED'],
  ['FAIL', { succeeded: 90, skipped: 0, failed: 10 }, 'COMPLETED_WITH_FAILURES'],
])('RECORDS that are there already: %s', async (onDuplicate, progress, state) => {
  await using gateway = await startGateway(QUICK);
  const record = (index: number) => ({
    contactId: `c-${index}`,
    phoneNumbers: [{ type: 'mobile', number: phoneOf(index) }],
    consentTimestamp: CONSENT,
    optInStatus: 'pending',
  });
  await finished(gateway, await startImport(gateway, numbers(10).map(record), { kind: 'RECORDS' }));
  const id = await startImport(gateway, numbers(100).map(record), { kind: 'RECORDS', options: { onDuplicate } });
  expect(await finished(gateway, id)).toMatchObject({ state, progress });
  expect(gateway.sandbox.control.state.records(LIST_ID)).toHaveLength(100);
});

test('RECORDS for a list that is not there: the import fails as a whole and says why', async () => {
  await using gateway = await startGateway(QUICK);
  const row = {
    contactId: 'c-1',
    phoneNumbers: [{ type: 'mobile', number: phoneOf(1) }],
    consentTimestamp: CONSENT,
    optInStatus: 'confirmed',
  };
  const id = await startImport(gateway, [row], { kind: 'RECORDS', targetId: 'gid://cxone/ContactList/nowhere' });
  expect(await finished(gateway, id)).toMatchObject({
    state: 'FAILED',
    failure: expect.stringContaining('404'),
    progress: { pending: 1 },
  });
});

test('ATTRIBUTES: values typed by the list, empty ones dropped and counted, calls bounded by the campaign, one refresh', async () => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const list = DEMO_IDS.contactLists.summerOutreach;
  const { id, url } = await createUpload(gateway, {
    kind: 'ATTRIBUTES',
    targetId: `gid://cxone/ContactList/${list}`,
    campaignId: `gid://cxone/Campaign/${DEMO_IDS.campaigns.summer}`,
  });
  const lines = numbers(700).map((index) => `c-${index},gold,${index},${index % 2 === 0 ? 'N/A' : '3'}`);
  await put(url, ['contactId,loyalty_tier,churn_risk,days_since_order', ...lines, 'c-700,gold,high,1'].join('\n'));
  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({
    state: 'COMPLETED',
    progress: { received: 701, rejected: 1, valid: 700, succeeded: 700 },
    rejections: { nodes: [{ row: 701, issues: [{ path: ['attributes', 'churn_risk'] }] }] },
  });
  expect(outcome.batches.nodes.map(({ size }: { size: number }) => size)).toEqual([300, 300, 100]);
  const { import: read } = await gateway.data(
    'query ($id: ID!) { import(id: $id) { report { totalFields filledFields fillRatePercent } } }',
    { id },
  );
  expect(read.report).toEqual({ totalFields: 2100, filledFields: 1750, fillRatePercent: 83.33 });
  const stored = control.state.attributes(list).filter(({ contactId }) => /^c-\d+$/.test(contactId));
  expect(stored).toHaveLength(700);
  expect(stored.find(({ contactId }) => contactId === 'c-2')?.attributes).toEqual({
    loyalty_tier: 'gold',
    churn_risk: 2,
  });
  expect(stored.every(({ isRefreshed }) => isRefreshed)).toBe(true);
  const refreshes = control.requests().routes['POST /api/v2/contacts/lists/{listId}/actions/refresh']?.requests;
  expect(refreshes).toBe(1);
  expect(control.requests().violations).toEqual([]);
});

test('ATTRIBUTES: what a file offers and does not fill counts in the fill rate, an empty cell as well as N/A', async () => {
  await using gateway = await startGateway(QUICK);
  const targetId = `gid://cxone/ContactList/${DEMO_IDS.contactLists.summerOutreach}`;
  const { id, url } = await createUpload(gateway, { kind: 'ATTRIBUTES', targetId });
  await put(url, 'contactId,loyalty_tier,churn_risk\nc-1,gold,\nc-2,N/A,3\nc-3,, \n');
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 2, skipped: 1 } });
  const { import: read } = await gateway.data(
    'query ($id: ID!) { import(id: $id) { report { totalFields filledFields fillRatePercent } } }',
    { id },
  );
  expect(read.report).toEqual({ totalFields: 6, filledFields: 2, fillRatePercent: 33.33 });
});

test('SEGMENT_MEMBERS: every contact into every segment, each segment with its own state, seen in the index at the end', async () => {
  await using gateway = await startGateway({ ...QUICK, sandbox: { ...QUICK.sandbox, indexLagMs: 300 } });
  const { control } = gateway.sandbox;
  const path = '/api/v2/segments/{segmentId}/contacts';
  // Whichever call is the third: c-7 is refused in it, too.
  const refuse = { keys: ['c-7'], code: 'ContactUnknown' };
  control.fail({ method: 'POST', path, every: 3, status: 500, applied: true, times: 2, refuse });
  control.fail({ method: 'POST', path, refuse });
  const { summerInvitees, newsletter, highValue } = DEMO_IDS.segments;
  const { assignContactsToSegments } = await gateway.data(
    `mutation ($input: AssignContactsToSegmentsInput!) { assignContactsToSegments(input: $input) {
       ... on StartImportPayload { import { id kind } } ... on Error { message } } }`,
    {
      input: {
        contactIds: numbers(500).map((index) => `c-${index}`),
        segmentIds: [summerInvitees, newsletter, highValue].map((segmentId) => `gid://cxone/Segment/${segmentId}`),
      },
    },
  );
  const { id, kind } = assignContactsToSegments.import;
  expect(kind).toBe('SEGMENT_MEMBERS');
  const types: string[] = [];
  for await (const { importProgress } of gateway.subscribe(
    // From the beginning of the log: nothing of what has happened already is missed.
    'subscription ($id: ID!) { importProgress(id: $id, after: "e1.0") { type } }',
    { id },
  ))
    types.push(importProgress.type);
  expect(types).toContain('CONFIRMING');
  expect(types.at(-1)).toBe('FINISHED');

  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    progress: { received: 1500, succeeded: 998, failed: 502, unknown: 0 },
  });
  const states = Object.fromEntries(
    (
      await gateway.data('query ($id: ID!) { import(id: $id) { targets { node { id } state succeeded failed } } }', {
        id,
      })
    ).import.targets.map((target: { node: { id: string }; state: string }) => [
      target.node.id.split('/').at(-1),
      target.state,
    ]),
  );
  expect(states).toEqual({
    [summerInvitees]: 'COMPLETED_WITH_FAILURES',
    [newsletter]: 'COMPLETED_WITH_FAILURES',
    [highValue]: 'FAILED',
  });
  // Also those of the batch that was sent again after an error.
  expect(control.state.segment(summerInvitees)).toEqual({ written: 499, indexed: 499 });
  expect(control.requests().violations).toEqual([]);
});

test.each([
  ['does not keep what it answered under a key', 0],
  ['keeps what it answered under a key', 1],
])('members that were added by a call without an answer count as added, where CXone %s', async (keeps, skipped) => {
  await using gateway = await startGateway(QUICK);
  const { control } = gateway.sandbox;
  const { summerInvitees } = DEMO_IDS.segments;
  const path = `/api/v2/segments/${summerInvitees}/contacts`;
  const row = (index: number) => ({ contactId: `c-${index}`, segmentId: summerInvitees });
  const start = (count: number) =>
    startImport(gateway, numbers(count).map(row), { kind: 'SEGMENT_MEMBERS', targetId: null });
  await finished(gateway, await start(1));
  control.fail({ method: 'POST', path, times: 1, status: 503, applied: true });
  const failedContacts = numbers(20).map((index) => ({ contactId: `c-${index}`, code: '409 ContactAlreadyInSegment' }));
  if (keeps.startsWith('does not'))
    control.fail({ method: 'POST', path, times: 1, json: { successCount: 0, failureCount: 20, failedContacts } });
  const id = await start(20);
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { succeeded: 20 - skipped, skipped },
  });
  expect(control.state.segmentMembers(summerInvitees)).toHaveLength(20);
});

test('members that were there before a call that has an answer are skipped, all of them', async () => {
  await using gateway = await startGateway(QUICK);
  const { summerInvitees } = DEMO_IDS.segments;
  const rows = numbers(20).map((index) => ({ contactId: `c-${index}`, segmentId: summerInvitees }));
  const input = { kind: 'SEGMENT_MEMBERS', targetId: null };
  await finished(gateway, await startImport(gateway, rows, input));
  gateway.sandbox.control.fail({
    method: 'POST',
    path: `/api/v2/segments/${summerInvitees}/contacts`,
    times: 1,
    status: 429,
    retryAfter: 0,
  });
  const id = await startImport(gateway, rows, input);
  expect(await finished(gateway, id)).toMatchObject({ progress: { succeeded: 0, skipped: 20 } });
});

test('a file of memberships names segments by raw or global id', async () => {
  await using gateway = await startGateway(QUICK);
  const { id, url } = await createUpload(gateway, { kind: 'SEGMENT_MEMBERS', targetId: null });
  const { summerInvitees } = DEMO_IDS.segments;
  await put(
    url,
    `contactId,segmentId\nc-1,${summerInvitees}\nc-2,gid://cxone/Segment/${summerInvitees}\n,${summerInvitees}\n`,
  );
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 2, rejected: 1 } });
  expect(
    gateway.sandbox.control.state
      .segmentMembers(summerInvitees)
      .map(({ contactId }) => contactId)
      .sort(),
  ).toEqual(['c-1', 'c-2']);
});

test('each segment is through as soon as its own index shows its rows', async () => {
  await using gateway = await startGateway({ ...QUICK, env: { ...QUICK.env, SEGMENT_CONFIRM_MS: '60000' } });
  const { control } = gateway.sandbox;
  const { summerInvitees, newsletter } = DEMO_IDS.segments;
  const isMember = { method: 'GET', path: `/api/v2/segments/${newsletter}/contacts/{contactId}` };
  const late = control.fail({ ...isMember, merge: { isMember: false } });
  const rows = [summerInvitees, newsletter].map((segmentId) => ({ contactId: 'c-1', segmentId }));
  const id = await startImport(gateway, rows, { kind: 'SEGMENT_MEMBERS', targetId: null });
  const states = async () => {
    const data = await gateway.data('query ($id: ID!) { import(id: $id) { state targets { node { id } state } } }', {
      id,
    });
    const ofTargets = data.import.targets.map((target: { node: { id: string }; state: string }) => [
      target.node.id.split('/').at(-1),
      target.state,
    ]);
    return { import: data.import.state, ...Object.fromEntries(ofTargets) };
  };
  await expect
    .poll(states)
    .toEqual({ import: 'CONFIRMING', [summerInvitees]: 'COMPLETED', [newsletter]: 'CONFIRMING' });
  control.removeFault(late.id);
  await finished(gateway, id);
  expect(await states()).toEqual({ import: 'COMPLETED', [summerInvitees]: 'COMPLETED', [newsletter]: 'COMPLETED' });
});

test('a segment whose index never shows its rows ends with failures, and so does the import; the others are through', async () => {
  await using gateway = await startGateway({ ...QUICK, env: { ...QUICK.env, SEGMENT_CONFIRM_MS: '100' } });
  const { control } = gateway.sandbox;
  const { summerInvitees, newsletter } = DEMO_IDS.segments;
  control.fail({
    method: 'GET',
    path: `/api/v2/segments/${newsletter}/contacts/{contactId}`,
    merge: { isMember: false },
  });
  const rows = [summerInvitees, newsletter].map((segmentId) => ({ contactId: 'c-1', segmentId }));
  const id = await startImport(gateway, rows, { kind: 'SEGMENT_MEMBERS', targetId: null });
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    progress: { succeeded: 2, failed: 0 },
    targets: expect.arrayContaining([
      expect.objectContaining({ state: 'COMPLETED', succeeded: 1 }),
      expect.objectContaining({ state: 'COMPLETED_WITH_FAILURES', succeeded: 1, failed: 0 }),
    ]),
  });
});

test('a segment that is not there fails its own rows alone, and can still be named', async () => {
  await using gateway = await startGateway(QUICK);
  const { summerInvitees } = DEMO_IDS.segments;
  const rows = [summerInvitees, 'nowhere'].map((segmentId) => ({ contactId: 'c-1', segmentId }));
  const id = await startImport(gateway, rows, { kind: 'SEGMENT_MEMBERS', targetId: null });
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED_WITH_FAILURES',
    progress: { succeeded: 1, failed: 1 },
  });
  const targets = async (selection: string) => {
    const query = `query ($id: ID!) { import(id: $id) { targets { state node { ${selection} } } } }`;
    return await gateway.graphql(query, { id });
  };
  const named = await targets('id __typename');
  expect(named.data.import.targets).toContainEqual({
    state: 'FAILED',
    node: { id: 'gid://cxone/Segment/nowhere', __typename: 'Segment' },
  });
  // Ids are known here: nobody is asked for them.
  expect(named.extensions).toBeUndefined();
  const shown = await targets('id ... on Segment { name memberCount }');
  expect(shown.errors).toBeUndefined();
  expect(shown.data.import.targets).toContainEqual({
    state: 'FAILED',
    node: { id: 'gid://cxone/Segment/nowhere', name: '', memberCount: null },
  });
});
