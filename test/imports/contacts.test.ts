import { expect, test } from 'vitest';
import { MAX_ATTEMPTS } from '../../src/cxone/limits.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { createUpload, finished, put, startImport } from '../support/imports.ts';

const BOOK_ID = DEMO_IDS.addressBooks.prospects;
const CONTACTS = '/api/v2/addressbooks/{bookId}/contacts';
const BOOK = { kind: 'CONTACTS', targetId: `gid://cxone/AddressBook/${BOOK_ID}` };

test('a CSV of contacts is upserted: new ones are made, those that are there are merged into, columns as obvious', async () => {
  await using gateway = await startGateway();
  const before = gateway.sandbox.control.state.contactCount(BOOK_ID);
  const existingId = gateway.sandbox.control.add.contact({
    bookId: BOOK_ID,
    firstName: 'Old',
    lastName: 'Name',
    customAttributes: { external_ref_id: 'REF-1', tier: 'gold' },
  });
  const { id, url } = await createUpload(gateway, BOOK);
  await put(
    url,
    'external_ref_id,firstName,phone,email,loyalty_points\nREF-1,New,,new@example.com,7\nREF-2,Second,+14155550123,,\n,Nameless,,,\n',
  );
  expect(await finished(gateway, id)).toMatchObject({
    state: 'COMPLETED',
    progress: { received: 3, succeeded: 2, rejected: 1 },
    rejections: { nodes: [{ row: 3, issues: [{ code: 'NO_KEY' }] }] },
  });
  const contacts = gateway.sandbox.control.state.contacts(BOOK_ID);
  expect(contacts).toHaveLength(before + 2);
  expect(contacts.find(({ id: contactId }) => contactId === existingId)).toMatchObject({
    firstName: 'New',
    lastName: 'Name',
    emailAddresses: [{ address: 'new@example.com', type: 'work', primary: true }],
    customAttributes: { external_ref_id: 'REF-1', tier: 'gold', loyalty_points: 7 },
  });
});

test.each([
  ['SKIP', { skipped: 1, succeeded: 1, failed: 0 }, 'COMPLETED'],
  ['FAIL', { skipped: 0, succeeded: 1, failed: 1 }, 'COMPLETED_WITH_FAILURES'],
])('a contact that is there already: %s', async (onDuplicate, progress, state) => {
  await using gateway = await startGateway();
  gateway.sandbox.control.add.contact({
    bookId: BOOK_ID,
    firstName: 'A',
    customAttributes: { external_ref_id: 'REF-1' },
  });
  const rows = ['REF-1', 'REF-2'].map((external_ref_id) => ({ firstName: 'B', customAttributes: { external_ref_id } }));
  const id = await startImport(gateway, rows, { ...BOOK, options: { onDuplicate } });
  expect(await finished(gateway, id)).toMatchObject({ state, progress });
});

test('rows are counted right under limits, errors and lost answers, and no contact is there twice', async () => {
  await using gateway = await startGateway({
    sandbox: { limits: { addressBooks: 1000 } },
    env: { CXONE_LIMITS: '{"addressBooks":1000}' },
  });
  const { control } = gateway.sandbox;
  control.fail({ method: 'POST', path: CONTACTS, every: 7, status: 503, applied: true });
  control.fail({ method: 'POST', path: CONTACTS, every: 11, status: 429, retryAfter: 0 });
  const rows = Array.from({ length: 200 }, (_, index) => ({
    firstName: 'Ada',
    customAttributes: { external_ref_id: `REF-${index}` },
  }));
  const before = control.state.contactCount(BOOK_ID);
  const id = await startImport(gateway, rows, BOOK);
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 200 } });
  expect(control.state.contactCount(BOOK_ID)).toBe(before + 200);
});

test('a contact whose sends all go without an answer is sent again later: it is there, or it is not, and CXone can be asked', async () => {
  await using gateway = await startGateway();
  const { control } = gateway.sandbox;
  control.fail({ method: 'POST', path: CONTACTS, times: 4, cut: 'before' });
  const before = control.state.contactCount(BOOK_ID);
  const id = await startImport(gateway, [{ customAttributes: { external_ref_id: 'REF-1' } }], BOOK);
  expect(await finished(gateway, id)).toMatchObject({ state: 'COMPLETED', progress: { succeeded: 1, unknown: 0 } });
  expect(control.state.contactCount(BOOK_ID)).toBe(before + 1);
});

test.each(['UPDATE', 'SKIP', 'FAIL'])(
  'a contact that was made without an answer, and could not be looked for just then, counts as made: %s',
  async (onDuplicate) => {
    await using gateway = await startGateway();
    const { control } = gateway.sandbox;
    control.fail({ method: 'POST', path: CONTACTS, times: 1, status: 503, applied: true });
    // The first look, before it is made, is answered; all tries of the one after that are not.
    control.fail({ method: 'GET', path: CONTACTS, skip: 1, times: MAX_ATTEMPTS.import, status: 503 });
    const before = control.state.contactCount(BOOK_ID);
    const id = await startImport(gateway, [{ customAttributes: { external_ref_id: 'REF-1' } }], {
      ...BOOK,
      options: { onDuplicate },
    });
    expect(await finished(gateway, id)).toMatchObject({
      state: 'COMPLETED',
      progress: { succeeded: 1, skipped: 0, failed: 0, unknown: 0 },
    });
    expect(control.state.contactCount(BOOK_ID)).toBe(before + 1);
  },
);

test('a contact that was sent without an answer, and is not the only one of its key by then, is unknown', async () => {
  await using gateway = await startGateway();
  const { control } = gateway.sandbox;
  const customAttributes = { external_ref_id: 'REF-1' };
  control.fail({ method: 'POST', path: CONTACTS, times: 1, status: 503, applied: true });
  const looks = control.fail({ method: 'GET', path: CONTACTS, skip: 1, times: MAX_ATTEMPTS.import, status: 503 });
  const id = await startImport(gateway, [{ customAttributes }], BOOK);
  await control.waitFor(({ method, status }) => method === 'POST' && status === 503);
  control.add.contact({ bookId: BOOK_ID, firstName: 'Rival', customAttributes });
  expect(await finished(gateway, id)).toMatchObject({ progress: { succeeded: 0, failed: 0, unknown: 1 } });
  expect(looks.hits).toBe(MAX_ATTEMPTS.import);
});
