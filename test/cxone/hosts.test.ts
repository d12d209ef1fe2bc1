import { expect, test } from 'vitest';
import { cxoneHost } from '../../src/cxone/hosts.ts';
import { ValidationError } from '../../src/errors.ts';

test.each([
  [{}, 'https://api.cloud.nice-incontact.com', 'form'],
  [{ region: 'us' }, 'https://api.cloud.nice-incontact.com', 'form'],
  [{ region: 'eu' }, 'https://api-eu.cloud.nice-incontact.com', 'form'],
  [{ region: 'us-01' }, 'https://api-us-01.nice-incontact.com', 'json'],
  [{ region: 'ap-01' }, 'https://api-ap-01.nice-incontact.com', 'json'],
  [{ orgDomain: 'acme.cloudcontact.io' }, 'https://acme.cloudcontact.io', 'basic'],
  [{ orgDomain: 'Acme' }, 'https://acme.cloudcontact.io', 'basic'],
  [{ baseUrl: 'http://127.0.0.1:4010/' }, 'http://127.0.0.1:4010', 'form'],
  [{ baseUrl: 'https://gateway.example/cxone//' }, 'https://gateway.example/cxone', 'form'],
  [{ baseUrl: 'https://own.example', region: 'eu', orgDomain: 'acme' }, 'https://own.example', 'form'],
] as const)('%o is %s, tokens by %s', (location, baseUrl, tokenStyle) => {
  expect(cxoneHost(location)).toEqual({ baseUrl, tokenStyle });
});

test.each([
  { region: '' },
  { region: 'evil.example/' },
  { region: 'us-1' },
  { region: 'US-01' },
  { region: '__proto__' },
  { region: 'constructor' },
  { orgDomain: '' },
  { orgDomain: 'acme.example' },
  { orgDomain: 'acme.cloudcontact.io.evil.example' },
  { orgDomain: 'a/b' },
  { orgDomain: '-acme' },
  { orgDomain: 'acme@evil' },
  { baseUrl: 'ftp://host' },
  { baseUrl: 'not a url' },
  { baseUrl: 'https://user:secret@host' },
  { baseUrl: 'https://host/?a=b' },
  { baseUrl: 'https://host/#a' },
])('refused: %o', (location) => {
  expect(() => cxoneHost(location)).toThrow(ValidationError);
});
