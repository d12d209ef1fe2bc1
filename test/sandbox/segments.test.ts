import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox, type TestSandbox } from './client.ts';

const SEGMENT = DEMO_IDS.segments.summerInvitees;
const HOUR_MS = 60 * 60 * 1000;

const pathOf = (segmentId: string) => `/api/v2/segments/${segmentId}`;
const ids = (count: number) => Array.from({ length: count }, (_, index) => `c-${index}`);
const write = (sandbox: TestSandbox, body: unknown, key: string, segmentId: string = SEGMENT) =>
  sandbox.call('POST', `${pathOf(segmentId)}/contacts`, { body, headers: { 'idempotency-key': key } });
const isMember = async (sandbox: TestSandbox, contactId: string) =>
  (await sandbox.call('GET', `${pathOf(SEGMENT)}/contacts/${contactId}`)).body.isMember;

test('200 contacts are taken, 201 refused', async () => {
  await using sandbox = await startTestSandbox();
  expect((await write(sandbox, ids(201), 'k1')).status).toBe(400);
  const answer = await write(sandbox, ids(200), 'k2');
  expect(answer).toMatchObject({ status: 201, body: { successCount: 200, failureCount: 0, failedContacts: [] } });
  expect(sandbox.violations()).toEqual({ 'batch-size': 1 });
});

test('a write shows only when the index has caught up', async () => {
  let nowMs = Date.now();
  await using sandbox = await startTestSandbox({ now: () => nowMs, indexLagMs: 3000 });
  await write(sandbox, ['a'], 'k');
  expect(sandbox.control.state.segment(SEGMENT)).toEqual({ written: 1, indexed: 0 });
  nowMs += 2999;
  expect(await isMember(sandbox, 'a')).toBe(false);
  nowMs += 1;
  const { body } = await sandbox.call('GET', `${pathOf(SEGMENT)}/contacts/a`);
  expect(body).toMatchObject({ contactId: 'a', segmentId: SEGMENT, isMember: true });
  expect(Date.parse(body.addedAt)).toBe(nowMs - 3000);
  expect((await sandbox.call('GET', pathOf(SEGMENT))).body.memberCount).toBe(1);
});

test('a refresh shows what was written at once, and is granted once an hour per segment', async () => {
  let nowMs = Date.now();
  await using sandbox = await startTestSandbox({ now: () => nowMs, indexLagMs: 2 * HOUR_MS });
  const refresh = (segmentId: string = SEGMENT) => sandbox.call('POST', `${pathOf(segmentId)}/refresh`);
  await write(sandbox, ['a'], 'k1');
  expect((await refresh()).status).toBe(202);
  expect(await isMember(sandbox, 'a')).toBe(true);
  await write(sandbox, ['b'], 'k2');
  nowMs += HOUR_MS - 1000;
  const early = await refresh();
  expect(early.status).toBe(429);
  expect(early.headers.get('retry-after')).toBe('1');
  expect(await isMember(sandbox, 'b')).toBe(false);
  expect((await refresh(DEMO_IDS.segments.vip)).status).toBe(202);
  nowMs += 1000;
  expect((await refresh()).status).toBe(202);
  expect(await isMember(sandbox, 'b')).toBe(true);
  expect(sandbox.violations()).toEqual({ 'refresh-too-often': 1 });
});

test('a write to a dynamic segment is answered with success, ignored, and breaks a rule', async () => {
  await using sandbox = await startTestSandbox();
  const before = sandbox.control.state.segment(DEMO_IDS.segments.highValue);
  const answer = await write(sandbox, ['new'], 'k', DEMO_IDS.segments.highValue);
  expect(answer).toMatchObject({ status: 200, body: { successCount: 1, failureCount: 0 } });
  expect(sandbox.control.state.segment(DEMO_IDS.segments.highValue)).toEqual(before);
  expect(sandbox.violations()).toEqual({ 'dynamic-segment-written': 1 });
});

test('a contact that is in the array twice, or in the segment already, fails alone, in both spellings', async () => {
  await using sandbox = await startTestSandbox();
  await write(sandbox, ['a', 'b'], 'k1');
  const { body } = await write(sandbox, ['a', 'b', 'c', 'c'], 'k2');
  expect(body).toEqual({
    successCount: 1,
    failureCount: 3,
    failedContacts: [
      { contactId: 'a', code: 'ContactAlreadyInSegment' },
      { contactId: 'b', code: '409 ContactAlreadyInSegment' },
      { contactId: 'c', code: 'DuplicateContactInBatch', message: expect.any(String) },
    ],
  });
  expect(sandbox.violations()).toEqual({ 'duplicate-contact-in-batch': 1 });
});

test('the same key with the same segment and body gets the first answer again, and nothing is written twice', async () => {
  await using sandbox = await startTestSandbox();
  const first = await write(sandbox, ['a', 'b'], 'k');
  const again = await write(sandbox, ['a', 'b'], 'k');
  expect({ status: again.status, body: again.body }).toEqual({ status: first.status, body: first.body });
  expect(again.body.failureCount).toBe(0);
  expect(sandbox.control.requests().idempotencyKeys).toEqual({ k: 2 });
  expect(sandbox.violations()).toEqual({});
});

test.each([
  ['another body', ['b'], SEGMENT],
  ['another segment', ['a'], DEMO_IDS.segments.newsletter],
])('the same key with %s is a 409, and the write is dropped', async (_, body, segmentId) => {
  await using sandbox = await startTestSandbox();
  await write(sandbox, ['a'], 'k');
  const before = sandbox.control.state.segment(segmentId);
  expect((await write(sandbox, body, 'k', segmentId)).status).toBe(409);
  expect(sandbox.control.state.segment(segmentId)).toEqual(before);
  expect(sandbox.violations()).toEqual({ 'idempotency-key-reused': 1 });
});

test('a write without a key is refused', async () => {
  await using sandbox = await startTestSandbox();
  expect((await sandbox.call('POST', `${pathOf(SEGMENT)}/contacts`, { body: ['a'] })).status).toBe(400);
  expect(sandbox.violations()).toEqual({ 'idempotency-key-missing': 1 });
});

test('a fourth segment written at the same time for one contact breaks a rule, a second call to the same one does not', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  const hold = sandbox.control.hold({ path: '/api/v2/segments/*/contacts' });
  const answers: Promise<unknown>[] = [];
  const begin = async (name: string, segmentId: string) => {
    answers.push(write(sandbox, [name === 'other' ? 'other' : 'same'], `${name}-${segmentId}`, segmentId));
    await sandbox.control.waitFor(({ idempotencyKey }) => idempotencyKey === `${name}-${segmentId}`);
  };
  for (const id of ['s1', 's2', 's3', 's4']) sandbox.control.add.segment({ id, name: id, type: 'static' });
  for (const id of ['s1', 's2', 's3']) await begin('first', id);
  await begin('second', 's1');
  await begin('other', 's4');
  expect(sandbox.violations()).toEqual({});
  await begin('first', 's4');
  expect(sandbox.violations()).toEqual({ 'parallel-segments-of-a-contact': 1 });
  hold.release();
  await Promise.all(answers);
  await write(sandbox, ['same'], 'later', 's4');
  expect(sandbox.violations()).toEqual({ 'parallel-segments-of-a-contact': 1 });
});
