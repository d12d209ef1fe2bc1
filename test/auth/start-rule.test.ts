/** A gateway over a real tenant does not start open by mistake, and says so where it is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');
const TENANT = { CXONE_CLIENT_ID: 'id', CXONE_CLIENT_SECRET: 'secret' };
const TOKENS = {
  GATEWAY_JWKS_URL: 'https://issuer.example.com/jwks.json',
  GATEWAY_JWT_ISSUER: 'https://issuer.example.com/',
  GATEWAY_JWT_AUDIENCE: 'gateway',
};

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults;
  }
};

describe('who may come in must be said', () => {
  test.each([
    ['a tenant', TENANT],
    ['the sandbox on all addresses', { HOST: '0.0.0.0' }],
    ['the sandbox on an address of the network', { HOST: '192.0.2.1' }],
    ['a tenant on a loopback address', { ...TENANT, HOST: '127.0.0.1' }],
    ['an empty list of keys', { ...TENANT, GATEWAY_API_KEYS: '' }],
  ])('%s without keys does not start', (_name, env) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(/^GATEWAY_API_KEYS: missing.*GATEWAY_AUTH=none/)]);
  });

  test.each([
    ['the sandbox on a loopback address', {}, true],
    ['the sandbox on localhost', { HOST: 'localhost' }, true],
    ['the sandbox on ::1', { HOST: '::1' }, true],
    ['a tenant that is said to be open', { ...TENANT, GATEWAY_AUTH: 'none' }, true],
    ['a tenant with keys', { ...TENANT, GATEWAY_API_KEYS: 'a:reader:12345678' }, false],
    ['a tenant with an issuer', { ...TENANT, ...TOKENS }, false],
    ['the sandbox with keys', { GATEWAY_API_KEYS: 'a:reader:12345678' }, false],
  ])('%s starts', (_name, env, openToEveryone) => {
    expect(readConfig(env)).toMatchObject({ openToEveryone });
  });
});

describe('a fault names its variable and never a secret', () => {
  test.each([
    ['GATEWAY_AUTH', { GATEWAY_AUTH: 'open' }],
    ['GATEWAY_API_KEYS', { GATEWAY_API_KEYS: 'a:reader' }],
    ['GATEWAY_API_KEYS', { GATEWAY_API_KEYS: 'a:owner:secret-key-1' }],
    ['GATEWAY_API_KEYS', { GATEWAY_API_KEYS: 'a:reader:secret key 1' }],
    ['GATEWAY_API_KEYS', { GATEWAY_API_KEYS: 'a:reader:secret-key-1,a:writer:secret-key-2' }],
    ['GATEWAY_JWT_ISSUER', { ...TOKENS, GATEWAY_JWT_ISSUER: '' }],
    ['GATEWAY_JWT_AUDIENCE', { ...TOKENS, GATEWAY_JWT_AUDIENCE: '' }],
    ['GATEWAY_JWKS_URL', { ...TOKENS, GATEWAY_JWKS_URL: '' }],
    ['GATEWAY_JWKS_URL', { ...TOKENS, GATEWAY_JWKS_URL: 'http://issuer.example.com/jwks.json' }],
    ['GATEWAY_JWKS_URL', { ...TOKENS, GATEWAY_JWKS_URL: 'file:///etc/keys' }],
    ['GATEWAY_ALLOWED_ORIGINS', { GATEWAY_ALLOWED_ORIGINS: '*' }],
    ['GATEWAY_ALLOWED_ORIGINS', { GATEWAY_ALLOWED_ORIGINS: 'https://crm.example.com/path' }],
    ['GATEWAY_ALLOWED_ORIGINS', { GATEWAY_ALLOWED_ORIGINS: 'null' }],
    ['GATEWAY_TRUSTED_PROXIES', { GATEWAY_TRUSTED_PROXIES: 'proxy.example.com' }],
    ['GATEWAY_TRUSTED_PROXIES', { GATEWAY_TRUSTED_PROXIES: '10.0.0.0/33' }],
    ['GATEWAY_TRUSTED_PROXIES', { GATEWAY_TRUSTED_PROXIES: '10.0.0.1,10.0.0.0/' }],
    ['GATEWAY_PERSISTED_OPERATIONS', { GATEWAY_PERSISTED_ONLY: 'on' }],
    ['GATEWAY_PERSISTED_ONLY', { GATEWAY_PERSISTED_ONLY: 'yes', GATEWAY_PERSISTED_OPERATIONS: 'some.json' }],
  ])('%s', (name, env) => {
    const faults = faultsOf(env);
    expect(faults).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
    expect(faults.join()).not.toMatch(/secret/);
  });
});

test('keys are kept as hashes alone', () => {
  const config = readConfig({ GATEWAY_API_KEYS: 'ops:admin:with:colons:1' });
  expect(JSON.stringify(config)).not.toContain('with:colons');
  expect(config.apiKeys).toMatchObject([{ name: 'ops', role: 'admin' }]);
  expect(config.apiKeys[0]?.sha256).toHaveLength(32);
});

test('keys of an issuer may come by plain http from this machine alone', () => {
  for (const jwksUrl of ['http://127.0.0.1:8080/jwks', 'http://localhost/jwks', 'http://[::1]:8080/jwks'])
    expect(readConfig({ ...TOKENS, GATEWAY_JWKS_URL: jwksUrl }).jwt).toMatchObject({ jwksUrl });
});

describe('the process', () => {
  test('ends with a line for what is missing', async () => {
    const child = spawn(process.execPath, [MAIN], {
      env: { PATH: process.env.PATH, PORT: '0', ...TENANT },
    });
    const [printed, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    expect(printed).toMatch(/^ {2}GATEWAY_API_KEYS: missing/m);
  });

  test('says loudly that it is open, to people and in the log', async () => {
    await using sandbox = await startSandbox();
    await using database = await freshDatabaseUrl('sqlite');
    const env = { PATH: process.env.PATH, PORT: '0', DATABASE_URL: database.url, CXONE_BASE_URL: sandbox.url };
    const child = spawn(process.execPath, [MAIN], { env: { ...env, ...TENANT, GATEWAY_AUTH: 'none' } });
    let printed = '';
    for await (const line of createInterface(child.stdout)) {
      printed += `${line}\n`;
      if (printed.includes('OPEN TO EVERYONE') && printed.includes('"level":"warn"')) break;
    }
    expect(printed).toMatch(/"level":"warn".*GATEWAY_AUTH=none: everyone/);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  });
});
