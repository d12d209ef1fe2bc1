import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAllowedHosts } from '../../src/callbacks/allowed-hosts.ts';
import { checkCallbackUrl, checkPublicUrl } from '../../src/callbacks/url-guard.ts';
import { ValidationError } from '../../src/errors.ts';

const nobody = readAllowedHosts([]);
const check = (text: string, allowed: readonly string[] = []) =>
  checkPublicUrl(text, { allowedHosts: readAllowedHosts(allowed), path: ['url'] });

function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ValidationError) return error.issues[0]?.code ?? '';
    throw error;
  }
  return 'accepted';
}

/** faults.md, "SSRF": every way to write a host that is not public, and every way to make a URL be misread. */
const HOSTILE = [
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.0.1./',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://2130706433/',
  'https://017700000001/',
  'https://0/',
  'https://0.0.0.0/',
  'https://127.0.0.1:443/',
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://[::1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[fe80::1]/',
  'https://[fd00:ec2::254]/',
  'https://user@example.com/',
  'https://example.com@127.0.0.1/',
  'https://user:password@example.com/',
  'https://１２７.０.０.１/',
  'https://①②⑦.⓪.⓪.①/',
  'https://127。0。0。1/',
  'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/',
  'https://%31%32%37.0.0.1/',
  'https://localhost/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://app.localhost/',
  'https://metadata.google.internal/',
  'https://metadata/',
  'https://printer.local/',
  'https://intranet/',
  'file:///etc/passwd',
  'ftp://example.com/',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'data:text/plain,hello',
  'javascript:alert(1)',
  'http://example.com/',
  'https://example.com:8443/',
  'https://example.com:22/',
  'https:example.com',
  'https:///example.com/',
  'https:\\\\example.com\\',
  'https://example.com\\@127.0.0.1/',
  'https://exa\tmple.com/',
  ' https://example.com/',
  'https://example.com/ ',
  'https://example.com/\r\nx-injected: 1',
  'https://example.com/#fragment',
  '//example.com/',
  'example.com',
  '',
  `https://example.com/${'a'.repeat(2048)}`,
];

describe('a URL that a user gives', () => {
  test.each(HOSTILE)('%j is refused', (text) => {
    expect(refusalOf(() => check(text))).toMatch(/^(INVALID_URL|URL_NOT_PUBLIC)$/);
  });

  test.each([
    'https://example.com',
    'https://example.com/hooks?token=a%20b',
    'https://Example.COM/hooks',
    'https://xn--bcher-kva.example/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://example.com:443/',
  ])('%j is taken', (text) => {
    expect(check(text).protocol).toBe('https:');
  });

  test('whatever number stands for an address, a private one is never taken', () => {
    const privateAddress = fc.oneof(
      fc.integer({ min: 0x7f000000, max: 0x7fffffff }),
      fc.integer({ min: 0x0a000000, max: 0x0affffff }),
      fc.integer({ min: 0xac100000, max: 0xac1fffff }),
      fc.integer({ min: 0xc0a80000, max: 0xc0a8ffff }),
      fc.integer({ min: 0xa9fe0000, max: 0xa9feffff }),
    );
    const bytes = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];
    const forms = [
      (n: number) => bytes(n).join('.'),
      (n: number) => String(n),
      (n: number) => `0x${n.toString(16)}`,
      (n: number) => `0${n.toString(8)}`,
      (n: number) =>
        bytes(n)
          .map((byte) => `0${byte.toString(8)}`)
          .join('.'),
      (n: number) => `[::ffff:${bytes(n).join('.')}]`,
      (n: number) => `[64:ff9b::${bytes(n).join('.')}]`,
    ];
    fc.assert(
      fc.property(privateAddress, fc.constantFrom(...forms), (n, form) => {
        expect(refusalOf(() => check(`https://${form(n)}/`))).not.toBe('accepted');
      }),
    );
  });

  test('on a host that is allowed by name may be http, on any port and private', () => {
    for (const url of ['http://10.0.0.5/', 'http://10.0.0.5:8080/x', 'https://10.0.0.5/'])
      expect(check(url, ['10.0.0.5']).href).toBe(url);
    expect(check('http://crm.internal:3000/', ['CRM.internal']).hostname).toBe('crm.internal');
    expect(check('http://[::1]:3000/', ['[::1]:3000']).port).toBe('3000');
  });

  test('on an allowed host and port may use that port and no other', () => {
    expect(check('http://127.0.0.1:9000/', ['127.0.0.1:9000']).port).toBe('9000');
    expect(check('http://127.0.0.1/', ['127.0.0.1:80']).port).toBe('');
    expect(refusalOf(() => check('http://127.0.0.1:9001/', ['127.0.0.1:9000']))).toBe('URL_NOT_PUBLIC');
    expect(refusalOf(() => check('http://127.0.0.1/', ['127.0.0.1:9000']))).toBe('URL_NOT_PUBLIC');
  });

  test('does not become allowed by resembling an allowed host', () => {
    const allowed = ['crm.example.com'];
    for (const url of [
      'http://crm.example.com.evil.net/',
      'http://evilcrm.example.com/',
      'http://crm.example.com@evil.net/',
      'http://evil.net/?crm.example.com',
    ])
      expect(refusalOf(() => check(url, allowed))).not.toBe('accepted');
  });

  test('is refused with the place in the input where it stands', () => {
    const run = () => checkPublicUrl('http://example.com/', { allowedHosts: nobody, path: ['options', 'callbackUrl'] });
    expect(run).toThrow(
      expect.objectContaining({ issues: [expect.objectContaining({ path: ['options', 'callbackUrl'] })] }),
    );
  });
});

describe('a callback URL', () => {
  const callback = (text: string, allowed: readonly string[]) =>
    checkCallbackUrl(text, { allowedHosts: readAllowedHosts(allowed), path: ['callbackUrl'] });

  test('must name an allowed host, however public another one is', () => {
    expect(refusalOf(() => callback('https://example.com/', []))).toBe('HOST_NOT_ALLOWED');
    expect(callback('https://example.com/', ['example.com']).hostname).toBe('example.com');
    expect(callback('http://127.0.0.1:4711/crm', ['127.0.0.1:4711']).port).toBe('4711');
  });
});

test.each(['https://example.com', 'example.com/path', 'a b', 'host:99999', 'host:0', '::1', ''])(
  'the entry %j of the allowed hosts is refused at the start',
  (entry) => {
    expect(() => readAllowedHosts([entry])).toThrow('CALLBACK_ALLOWED_HOSTS');
  },
);
