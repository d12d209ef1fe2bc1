import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanText, readErrorBody } from '../../src/cxone/error-body.ts';
import { createTestClient, interactive, write } from './fixture.ts';
import { json, startScriptedUpstream } from './scripted-upstream.ts';

async function refusalWith(status: number, body: unknown) {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script(json(status, body, { 'x-request-id': 'up-42' }));
  const error: unknown = await client.send(write, interactive()).catch((thrown: unknown) => thrown);
  expect(upstream.requests).toHaveLength(1);
  return error;
}

test('a refusal says what CXone said: code, message, and where', async () => {
  const body = {
    code: 'InvalidContact',
    message: 'The contact is invalid.',
    errors: [
      { path: 'contacts[3].phone', message: 'not E.164' },
      { path: ['contacts', 4, 'email'], code: 'Missing' },
      'too many',
    ],
  };
  expect(await refusalWith(400, body)).toMatchObject({
    code: 'UPSTREAM_ERROR',
    fault: 'refused',
    status: 400,
    retryable: false,
    upstreamCode: 'InvalidContact',
    upstreamRequestId: 'up-42',
    message: 'CXone refused POST /api/v2/addressbooks with 400 (InvalidContact). The contact is invalid.',
    issues: [
      { path: ['contacts', '3', 'phone'], code: 'REFUSED', message: 'not E.164' },
      { path: ['contacts', '4', 'email'], code: 'Missing', message: 'CXone refused it and gave no reason.' },
      { path: [], code: 'REFUSED', message: 'too many' },
    ],
  });
});

test.each([
  [{ message: 'Missing scope outbound:contact:write' }, 'outbound:contact:write'],
  [{ code: 'Forbidden', errors: [{ message: 'contacts.write is required' }] }, 'contacts.write'],
  [{ required_scope: 'segments:write' }, 'segments:write'],
])('a 403 names the scope that is missing: %o', async (body, scope) => {
  expect(String(await refusalWith(403, body))).toContain(`the scope ${scope} is missing`);
});

test('a 403 that names none is survived', async () => {
  expect(await refusalWith(403, undefined)).toMatchObject({ fault: 'refused', status: 403 });
});

test('personal data and secrets of CXone are masked in what is shown', () => {
  expect(cleanText('Contact jane.doe@example.com with +1 (555) 010-0199 exists')).toBe(
    'Contact [email] with [number] exists',
  );
  expect(cleanText('token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl is bad')).toBe('token [token] is bad');
  expect(cleanText('Authorization: Bearer abc.def refused')).toBe('Authorization: [token] refused');
  expect(cleanText('one\r\ntwo\u001b[31m\u202ethree')).toBe('one two [31m three');
  expect(cleanText('<p>no</p>')).toBeUndefined();
  expect(cleanText('x'.repeat(20).concat(' ').repeat(30))).toHaveLength(201);
});

test('no error body, whatever it is, breaks reading it or leaks an address or a number', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.emailAddress(), fc.stringMatching(/^\+[1-9]\d{9,13}$/), (value, email, phone) => {
      const body = {
        code: value,
        message: `${email} ${phone}`,
        errors: [value, { path: value, message: email }, phone],
      };
      const read = JSON.stringify([readErrorBody(value, 403), readErrorBody(body, 400)]);
      expect(read).not.toContain(phone);
      expect(readErrorBody(body, 400).message ?? '').not.toContain(email);
    }),
  );
});

test('a code that is a phone number is not shown', () => {
  expect(readErrorBody({ code: '15550100199' }, 400).code).toBeUndefined();
  expect(readErrorBody({ code: '409 ContactAlreadyInSegment' }, 409).code).toBe('409 ContactAlreadyInSegment');
});

test.each(['a'.repeat(129), 'ä', ''])('an x-request-id that is no short printable text is left out: %j', async (id) => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  upstream.script((response) => {
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-request-id', Buffer.from(id).toString('latin1'));
    response.end('{"id":"1"}');
  });
  expect((await client.send(write, interactive())).upstreamRequestId).toBeUndefined();
});
