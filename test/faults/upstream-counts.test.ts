/** faults.md, "Upstream faults": counts of CXone's that do not add up are told, never believed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { type Data, startGateway, type TestGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import { UNLIMITED } from './unlimited.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(UNLIMITED);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const ROWS = 20;
/** Each test has a list of its own, so that they can wait together. */
const send = (list: string): Fault => ({ method: 'POST', path: `/api/v2/outbound/contactlists/${list}/contacts` });

let imports = 0;
let lists = 0;
async function importTo(listName: string): Promise<Data> {
  imports += 1;
  const targetId = `gid://cxone/ContactList/${listName}`;
  const firstRow = imports * 1000;
  const rows = Array.from({ length: ROWS }, (_, index) => outboundRow(firstRow + index));
  const id = await startImport(gateway, rows, { targetId });
  return { id, ...(await finished(gateway, id)) };
}

function newList(): string {
  lists += 1;
  const id = `counted-${lists}`;
  gateway.sandbox.control.add.contactList({ id, name: id });
  return id;
}

async function auditOf(importId: string): Promise<string> {
  const { auditEntries } = await gateway.data(
    'query ($subject: String) { auditEntries(first: 250, filter: {subject: $subject}) { nodes { action detail } } }',
    { subject: importId },
  );
  return JSON.stringify(auditEntries.nodes);
}

test.concurrent.each([
  ['more than were sent', { accepted: ROWS + 1 }],
  ['a negative number', { accepted: -1 }],
  ['fewer than were sent, none of them refused', { accepted: ROWS - 5, rejected: [] }],
])(
  'accepted: %s. No more is ever reported as done than was sent, and it does not pass as clean',
  async (_name, merge) => {
    const list = newList();
    gateway.sandbox.control.fail({ ...send(list), merge });
    const outcome = await importTo(list);
    expect(outcome.state).toBe('COMPLETED_WITH_FAILURES');
    expect(outcome.progress.succeeded).toBeLessThanOrEqual(ROWS);
    expect(outcome.progress.succeeded + outcome.progress.failed + outcome.progress.unknown).toBe(ROWS);
  },
);

test.concurrent.each([
  ['more', (total: number) => total + 7],
  ['fewer', (total: number) => total - 7],
])(
  'a list that says it holds %s than it should: the import ends with failures, verification and audit say so',
  async (_name, lie) => {
    const { control } = gateway.sandbox;
    const list = newList();
    const path = `/api/v2/outbound/contactlists/${list}`;
    // The truth before the rows are sent, a lie afterwards.
    const hold = control.hold({ method: 'POST', path: `${path}/contacts` });
    const imported = importTo(list);
    await control.waitFor(({ method, url }) => method === 'POST' && url.startsWith(path));
    control.fail({ method: 'GET', path, merge: { totalContactCount: lie(ROWS) } });
    hold.release();
    const outcome = await imported;
    expect(outcome.state).toBe('COMPLETED_WITH_FAILURES');
    expect(outcome.report.verification).toMatchObject({ expectedAfter: ROWS, countAfter: lie(ROWS), matches: false });
    expect(await auditOf(outcome.id)).toMatch(/discrepancy/);
  },
);

test.concurrent('an accepted that is no number is no answer: the list’s own count tells what became of the batch', async () => {
  const list = newList();
  const programmed = gateway.sandbox.control.fail({ ...send(list), merge: { accepted: 'NaN' } });
  const outcome = await importTo(list);
  expect(programmed.hits).toBe(1);
  expect(outcome).toMatchObject({ state: 'COMPLETED', progress: { succeeded: ROWS, unknown: 0 } });
  expect(gateway.sandbox.control.state.outboundDuplicates(list)).toEqual([]);
});

test.concurrent('an answer that never says how many it took ends the import after few calls, every row of it unknown', async () => {
  const list = newList();
  gateway.sandbox.control.add.contactList({
    id: `${list}-typed`,
    name: list,
    attributes: [{ name: 'tier', type: 'string' }],
  });
  const programmed = gateway.sandbox.control.fail({
    method: 'POST',
    path: `/api/v2/contacts/lists/${list}-typed/contacts`,
    omit: ['processedCount'],
  });
  const rows = Array.from({ length: ROWS }, (_, index) => ({ contactId: `c-${index}`, attributes: { tier: 'gold' } }));
  const targetId = `gid://cxone/ContactList/${list}-typed`;
  const outcome = await finished(gateway, await startImport(gateway, rows, { kind: 'ATTRIBUTES', targetId }));
  expect(outcome).toMatchObject({ state: 'COMPLETED_WITH_FAILURES', progress: { succeeded: 0, unknown: ROWS } });
  expect(programmed.hits).toBeLessThan(30);
});

test.concurrent('counts that add up pass', async () => {
  const outcome = await importTo(newList());
  expect(outcome).toMatchObject({ state: 'COMPLETED', report: { verification: { matches: true } } });
});
