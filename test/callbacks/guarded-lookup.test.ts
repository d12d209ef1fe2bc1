import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { readAllowedHosts } from '../../src/callbacks/allowed-hosts.ts';
import { createCallbackPost } from '../../src/callbacks/callback-post.ts';
import { createGuardedLookup, PrivateAddressError } from '../../src/callbacks/guarded-lookup.ts';
import { isPublicAddress } from '../../src/callbacks/public-address.ts';
import { systemClock } from '../../src/clock.ts';

const v4 = (address: string): LookupAddress => ({ address, family: 4 });

/** What a socket is told, asking for all addresses (as Node does by itself) or for one. */
function lookUp(answer: LookupAddress[], all: boolean): Promise<unknown> {
  const lookup = createGuardedLookup(async () => answer);
  return new Promise((resolve, reject) => {
    lookup('example.com', { all }, (error, address, family) => (error ? reject(error) : resolve({ address, family })));
  });
}

test('a name that resolves to public addresses is connected to at exactly these', async () => {
  expect(await lookUp([v4('93.184.216.34')], true)).toEqual({ address: [v4('93.184.216.34')], family: undefined });
  expect(await lookUp([v4('93.184.216.34')], false)).toEqual({ address: '93.184.216.34', family: 4 });
});

test.each([
  [[v4('127.0.0.1')]],
  [[v4('169.254.169.254')]],
  [[{ address: '::1', family: 6 }]],
  [[{ address: '::ffff:10.0.0.1', family: 6 }]],
  [[v4('93.184.216.34'), v4('10.0.0.1')]],
])('a name that resolves to %j is not connected to', async (answer) => {
  await expect(lookUp(answer, true)).rejects.toThrow(PrivateAddressError);
  await expect(lookUp(answer, false)).rejects.toThrow(PrivateAddressError);
});

test('a name that cannot be resolved, or to nothing, is an error and no crash', async () => {
  await expect(lookUp([], true)).rejects.toThrow('no address');
  const lookup = createGuardedLookup(async () => {
    throw new Error('ENOTFOUND');
  });
  await expect(new Promise((_, reject) => lookup('x.example', {}, reject))).rejects.toThrow('ENOTFOUND');
});

test('a name that gives other addresses every time is judged by those the connection would go to', async () => {
  const answers = [[v4('127.0.0.1')], [v4('93.184.216.34'), v4('10.0.0.1')], [{ address: '::1', family: 6 }]];
  let asked = 0;
  const resolve = async () => answers[asked++ % answers.length] ?? [];
  await using receivers = createCallbackPost({ allowedHosts: readAllowedHosts([]), resolve, clock: systemClock });
  for (let attempt = 0; attempt < 4; attempt++) {
    expect(await receivers.post('https://rebinding.example/', {}, '{}')).toEqual({
      kind: 'failure',
      reason: 'private address',
    });
  }
  expect(asked).toBe(4);
});

test('a host that is allowed by name is connected to although it is private', async () => {
  const receiver = createServer((request, response) => {
    request.resume();
    response.writeHead(204).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address() as AddressInfo; // It listens on TCP.
  const allowedHosts = readAllowedHosts([`127.0.0.1:${port}`]);
  const resolve = async () => [v4('127.0.0.1')];
  await using receivers = createCallbackPost({ allowedHosts, resolve, clock: systemClock });
  expect(await receivers.post(`http://127.0.0.1:${port}/crm`, {}, '{}')).toMatchObject({ status: 204 });
  expect(await receivers.post(`http://127.0.0.1:${port + 1}/crm`, {}, '{}')).toEqual({
    kind: 'failure',
    reason: 'not allowed',
  });
  receiver.close();
  receiver.closeAllConnections();
});

test.each([
  ['8.8.8.8', true],
  ['1.1.1.1', true],
  ['2606:4700:4700::1111', true],
  ['2001:4860:4860::8888', true],
  ['0.0.0.0', false],
  ['255.255.255.255', false],
  ['224.0.0.1', false],
  ['198.18.0.1', false],
  ['::', false],
  ['::1', false],
  ['::ffff:8.8.8.8', false],
  ['fe80::1%eth0', false],
  ['fc00::1', false],
  ['ff02::1', false],
  ['2001:db8::1', false],
  ['2001::1', false],
  ['2002:0808:0808::', false],
  ['64:ff9b::808:808', false],
  ['not an address', false],
  ['', false],
])('%s is public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});
