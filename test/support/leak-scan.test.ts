import { expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { leaksIn, peopleOf, secretsOf } from './leak-scan.ts';

const secrets = secretsOf({
  GATEWAY_API_KEYS: 'ops:admin:key:with:colons,crm:writer:other-key',
  CXONE_CLIENT_SECRET: 'client-hunter2',
  CXONE_WEBHOOK_SECRET: 'whsec_AAAA whsec_BBBB',
  LOG_LEVEL: 'debug',
});

test('every person of the sandbox, and every secret, is found in a line that tells of it', async () => {
  await using sandbox = await startSandbox();
  sandbox.control.add.contact({ bookId: 'book-customers', id: 'somebody', lastName: 'Quaintsurname' });
  const people = peopleOf(sandbox);
  expect(people.size).toBeGreaterThan(300);
  const [first = {}] = sandbox.control.state.contacts('book-customers');
  const [{ number = '' }] = first.phoneNumbers as [{ number?: string }]; // As the seed makes them.
  const [{ address = '' }] = first.emailAddresses as [{ address?: string }];
  for (const told of [
    'Quaintsurname',
    number,
    number.slice(1),
    address,
    'key:with:colons',
    'other-key',
    'client-hunter2',
    'whsec_BBBB',
    'Bearer c2FuZGJveC10b2tlbg',
    'eyJhbGciOi.eyJzdWIi.c2ln',
    '/uploads/1?token=abc',
  ])
    expect(leaksIn([`{"level":"info","msg":"called ${told}, in vain"}`], { secrets, people }), told).toHaveLength(1);
});

test('a line that tells nothing passes', async () => {
  await using sandbox = await startSandbox();
  const lines = ['{"level":"info","requestId":"r-1","route":"/uploads/:importId","msg":"Bearer [secret]"}', ''];
  expect(leaksIn(lines, { secrets, people: peopleOf(sandbox) })).toEqual([]);
});
