import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
};

const CREDENTIALS = { CXONE_CLIENT_ID: 'id', CXONE_CLIENT_SECRET: 'hush-hush' };

test('without any variable it is the sandbox on the loopback address, with the limits of the interface', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 4000,
    publicUrl: null,
    cxone: null,
    limits: { addressBooks: 50, records: 16, outbound: 50, enrichment: 10, segments: 25 },
    timeoutMs: 30_000,
    retryBaseMs: { segments: 2000, other: 500 },
    segmentPollMs: 2000,
    segmentConfirmMs: 30_000,
    databaseUrl: 'file:./data/gateway.db',
    baselineCache: { size: 50_000, ttlMs: 60_000 },
    openToEveryone: true,
    logLevel: 'info',
  });
});

test('every fault is told at once, one line each, naming its variable', () => {
  const faults = faultsOf({
    PORT: '99999',
    LOG_LEVEL: 'loud',
    CXONE_LIMITS: '{"outbound":-1,"foo":2}',
    DATABASE_URL: 'mysql://x',
  });
  const names = faults.map((fault) => fault.split(':')[0]);
  expect(new Set(names)).toEqual(new Set(['PORT', 'LOG_LEVEL', 'CXONE_LIMITS', 'DATABASE_URL']));
  for (const fault of faults) expect(fault).not.toContain('\n');
});

test('what is wrong between variables is told together with what is wrong in them', () => {
  const faults = faultsOf({
    PORT: 'x',
    HOST: '0.0.0.0',
    CXONE_CLIENT_ID: 'id',
    CXONE_REGION: 'nowhere',
    CXONE_ORG_DOMAIN: 'org.cloudcontact.io',
    CRM_WEBHOOK_URL: 'https://crm.example/hook',
    GATEWAY_JWT_ISSUER: 'https://id.example',
    GATEWAY_PERSISTED_ONLY: 'on',
  });
  expect(faults.map((fault) => fault.split(':')[0])).toEqual([
    'PORT',
    'CXONE_REGION',
    'CXONE_CLIENT_SECRET',
    'CXONE_REGION, CXONE_ORG_DOMAIN',
    'CRM_WEBHOOK_SECRET',
    'GATEWAY_JWKS_URL',
    'GATEWAY_PERSISTED_OPERATIONS',
    'GATEWAY_API_KEYS',
  ]);
});

test('of a variable that is wrong it is not said that it is missing', () => {
  const faults = faultsOf({
    ...CREDENTIALS,
    GATEWAY_API_KEYS: 'ops:boss:x',
    CRM_WEBHOOK_URL: 'https://crm.example/hook',
    CRM_WEBHOOK_SECRET: 'plain',
  });
  expect(faults).toEqual([
    expect.stringMatching(/^CRM_WEBHOOK_SECRET: expected whsec_/),
    expect.stringMatching(/^GATEWAY_API_KEYS: entry 1 \(ops\): the role/),
  ]);
  expect(faultsOf({ GATEWAY_API_KEYS: ' , ' })).toEqual([
    expect.stringMatching(/^GATEWAY_API_KEYS: expected name:role:key/),
  ]);
});

test('an empty variable counts as missing', () => {
  expect(readConfig({ PORT: '', CXONE_CLIENT_ID: '', CXONE_CLIENT_SECRET: '' })).toMatchObject({
    port: 4000,
    cxone: null,
  });
});

test.each([
  ['half of the credentials', { CXONE_CLIENT_ID: 'id', GATEWAY_AUTH: 'none' }, 'CXONE_CLIENT_SECRET'],
  [
    'two places for CXone',
    { ...CREDENTIALS, CXONE_REGION: 'eu', CXONE_BASE_URL: 'https://x.example', GATEWAY_AUTH: 'none' },
    'CXONE_REGION, CXONE_BASE_URL',
  ],
  ['a place without credentials', { CXONE_REGION: 'eu' }, 'CXONE_REGION'],
  ['a CRM without a secret', { CRM_WEBHOOK_URL: 'https://crm.example/hook' }, 'CRM_WEBHOOK_SECRET'],
  [
    'tokens without an issuer',
    { GATEWAY_JWKS_URL: 'https://id.example/jwks', GATEWAY_JWT_AUDIENCE: 'gw' },
    'GATEWAY_JWT_ISSUER',
  ],
  ['CXone itself, open to everyone by oversight', CREDENTIALS, 'GATEWAY_API_KEYS'],
  ['the sandbox on a public address, open by oversight', { HOST: '0.0.0.0' }, 'GATEWAY_API_KEYS'],
  ['a host that is none', { CALLBACK_ALLOWED_HOSTS: 'crm.example,http://x' }, 'CALLBACK_ALLOWED_HOSTS'],
])('%s does not start', (_name, env, variable) => {
  expect(faultsOf(env)).toEqual([expect.stringContaining(variable)]);
});

test('a secret never stands in a message', () => {
  const env = {
    ...CREDENTIALS,
    GATEWAY_API_KEYS: 'ops:boss:super-secret-key-1,ops:admin:sh\tort,:reader:another-secret-2',
    CXONE_WEBHOOK_SECRET: 'whsec_not-base64!',
    CRM_WEBHOOK_SECRET: 'plain-secret',
  };
  const text = faultsOf(env).join('\n');
  expect(text).toContain('GATEWAY_API_KEYS');
  for (const secret of ['super-secret-key-1', 'sh\tort', 'another-secret-2', 'not-base64', 'plain-secret', 'hush-hush'])
    expect(text).not.toContain(secret);
});

test('keys with colons, several webhook secrets and lists are read as they are', () => {
  const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
  const config = readConfig({
    ...CREDENTIALS,
    GATEWAY_API_KEYS: 'dash:reader:abc:def:ghi, tools:writer:0123456789',
    CXONE_WEBHOOK_SECRET: `${secret} ${secret}`,
    CALLBACK_ALLOWED_HOSTS: 'crm.example, 127.0.0.1:9000',
  });
  expect(config.apiKeys).toEqual([
    { name: 'dash', role: 'reader', sha256: hash('sha256', 'abc:def:ghi', 'buffer') },
    { name: 'tools', role: 'writer', sha256: hash('sha256', '0123456789', 'buffer') },
  ]);
  expect(config.webhookSecrets).toEqual([secret, secret]);
  expect(config.callbackAllowedHosts).toEqual(['crm.example', '127.0.0.1:9000']);
  expect(config.openToEveryone).toBe(false);
});
