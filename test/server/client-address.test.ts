/** Where a request comes from: nobody can pass for somebody else, and behind a trusted proxy everybody is who they are. */
import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createClientAddress } from '../../src/server/client-address.ts';

/** Nothing else of a request is looked at. */
const from = (remoteAddress: string | undefined, forwardedFor?: string) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwardedFor } }) as unknown as IncomingMessage;

test('without a trusted proxy it is the other end of the connection, whatever the headers say', () => {
  const addressOf = createClientAddress([]);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.string()), (forwardedFor) => {
      expect(addressOf(from('192.0.2.7', forwardedFor))).toBe('192.0.2.7');
    }),
  );
  expect(addressOf(from(undefined))).toBe('unknown');
  expect(addressOf(from('::ffff:192.0.2.7'))).toBe('192.0.2.7');
});

describe('behind proxies', () => {
  const addressOf = createClientAddress(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);

  test.each([
    ['one', '192.0.2.1', '198.51.100.4', '198.51.100.4'],
    ['two', '192.0.2.1', '198.51.100.4, 10.1.2.3', '198.51.100.4'],
    ['one, and what the client wrote itself', '10.9.9.9', '203.0.113.9, 198.51.100.4', '198.51.100.4'],
    ['one, and a client that claims to be a proxy', '10.9.9.9', '10.0.0.1, 198.51.100.4', '198.51.100.4'],
    ['one over IPv6', 'fd00::1', '2001:db8::5', '2001:db8::5'],
    ['one over a socket for both', '::ffff:10.0.0.1', '198.51.100.4', '198.51.100.4'],
    ['one that names ports', '10.0.0.1', '198.51.100.4:50123', '198.51.100.4'],
    ['one that names ports over IPv6', '10.0.0.1', '[2001:db8::5]:50123', '2001:db8::5'],
    ['one that is asked by a proxy', '10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['one that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['one that writes nonsense', '10.0.0.1', '198.51.100.4, unknown', '10.0.0.1'],
    ['one that is not named', '192.0.2.2', '198.51.100.4', '192.0.2.2'],
  ])('%s', (_name, remoteAddress, forwardedFor, expected) => {
    expect(addressOf(from(remoteAddress, forwardedFor))).toBe(expected);
  });

  test('nobody who is not a proxy is believed, whatever they write', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (entries) => {
        expect(addressOf(from('198.51.100.4', entries.join(',')))).toBe('198.51.100.4');
        expect(addressOf(from('10.0.0.1', [...entries, '198.51.100.4'].join(', ')))).toBe('198.51.100.4');
      }),
    );
  });
});
