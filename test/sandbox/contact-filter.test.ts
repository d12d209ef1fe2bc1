import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startTestSandbox } from './client.ts';

const CONTACTS = `/api/v2/addressbooks/${DEMO_IDS.addressBooks.customers}/contacts`;
const filtered = (filter: string) => `${CONTACTS}?filter=${encodeURIComponent(filter)}`;

test('a filter finds by reference, by address and by name, and all clauses must hold', async () => {
  await using sandbox = await startTestSandbox();
  const first = (await sandbox.call('GET', `${CONTACTS}/${DEMO_IDS.contacts.firstCustomer}`)).body;
  const clauses = [
    `customAttributes.external_ref_id eq '${first.customAttributes.external_ref_id}'`,
    `emailAddresses.address eq '${first.emailAddresses[0].address}'`,
    `firstName eq '${first.firstName}' and lastName eq '${first.lastName}'`,
    `customAttributes.vip eq 'true' and firstName eq '${first.firstName}' and lastName eq '${first.lastName}'`,
  ];
  for (const clause of clauses) {
    expect((await sandbox.call('GET', filtered(clause))).body.entities).toEqual([first]);
  }
  const both = `firstName eq '${first.firstName}' and lastName eq 'Nobody'`;
  expect((await sandbox.call('GET', filtered(both))).body.entities ?? []).toEqual([]);
});

test('any value, quotes doubled, finds the contact that has it and no other', async () => {
  await using sandbox = await startTestSandbox({ seed: 'empty' });
  sandbox.control.add.addressBook({ id: 'book', name: 'Book' });
  const seen = new Set<string>();
  // Values of quotes, keywords and any other characters, whatever they may look like to a parser.
  const value = fc.oneof(
    fc.string({ minLength: 1, unit: 'grapheme' }),
    fc
      .array(fc.constantFrom("'", ' and ', " eq '", 'firstName', '%27', '\\', '&filter='), { minLength: 1 })
      .map((parts) => parts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(value, async (text) => {
      fc.pre(!seen.has(text));
      seen.add(text);
      const id = sandbox.control.add.contact({ bookId: 'book', customAttributes: { external_ref_id: text } });
      const filter = `customAttributes.external_ref_id eq '${text.replaceAll("'", "''")}'`;
      const answer = await sandbox.call(
        'GET',
        `/api/v2/addressbooks/book/contacts?filter=${encodeURIComponent(filter)}`,
      );
      expect(answer.body.entities.map((contact: { id: string }) => contact.id)).toEqual([id]);
    }),
    { numRuns: 60 },
  );
});

test.each([
  'nonsense',
  "firstName eq 'x",
  "firstName eq 'it's'",
  "firstName eq 'a' or firstName eq 'b'",
  "firstName eq 'a' and ",
  "phoneNumbers.number eq '+1'",
  'firstName eq "a"',
  '',
])('a malformed filter is refused: %s', async (filter) => {
  await using sandbox = await startTestSandbox();
  expect((await sandbox.call('GET', filtered(filter))).status).toBe(400);
  expect(sandbox.violations()).toEqual({ 'filter-grammar': 1 });
});

test('a changed or deleted contact is found by what it is, not by what it was', async () => {
  await using sandbox = await startTestSandbox();
  const contact = `${CONTACTS}/${DEMO_IDS.contacts.firstCustomer}`;
  await sandbox.put(contact, { firstName: 'Changed' });
  expect(
    (await sandbox.call('GET', filtered("customAttributes.external_ref_id eq 'CRM-100001'"))).body.entities ?? [],
  ).toEqual([]);
  expect((await sandbox.call('GET', filtered("firstName eq 'Changed'"))).body.entities).toHaveLength(1);
  await sandbox.call('DELETE', contact);
  expect((await sandbox.call('GET', filtered("firstName eq 'Changed'"))).body.entities ?? []).toEqual([]);
});

test('a filter without a match is a 404 where the sandbox is told so', async () => {
  await using sandbox = await startTestSandbox();
  sandbox.control.configure({ noMatch: '404' });
  expect((await sandbox.call('GET', filtered("firstName eq 'Nobody'"))).status).toBe(404);
  expect((await sandbox.call('GET', filtered("firstName eq 'Ada'"))).status).toBe(200);
});
