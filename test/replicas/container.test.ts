/** What can be said of Dockerfile and compose.yaml without a container engine: that they name what there is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import { NPM_START_OPTIONS } from '../support/npm-start.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (name: string) => readFileSync(resolve(ROOT, name), 'utf8');

/** The words of the command in JSON form that follows `prefix` in a line of the Dockerfile. */
function commandAfter(prefix: RegExp): string[] {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ');
  return JSON.parse(new RegExp(`${prefix.source}(\\[.*\\])$`, 'm').exec(lines)?.[1] ?? 'null');
}

/** The variables of a service of compose.yaml. */
function environmentOf(service: string): Record<string, string> {
  const [, block = ''] = new RegExp(`^  ${service}:\\n((?:    .*\\n|\\n)+)`, 'm').exec(read('compose.yaml')) ?? [];
  const [, variables = ''] = /^ {4}environment:\n((?: {6}.*\n)+)/m.exec(block) ?? [];
  const lines = variables.split('\n').flatMap((line) => {
    const [, name, value] = /^ {6}([A-Z_]+): (?:&\S+ )?(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value?.replace(/^"(.*)"$/, '$1') ?? '']];
  });
  return Object.fromEntries(lines);
}

test('the image copies and runs what is there, and leaves nothing of it out of its context', () => {
  const ignored = read('.dockerignore').split('\n');
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) =>
    names?.split(' '),
  );
  expect(copied).toContain('src');
  for (const name of copied) {
    expect(existsSync(resolve(ROOT, name ?? ''))).toBe(true);
    expect(ignored).toContain(`!${name}`);
  }
  const [program, ...parameters] = commandAfter(/^CMD /);
  const file = parameters.at(-1) ?? '';
  expect(program).toBe('node');
  expect(parameters.slice(0, -1)).toEqual(NPM_START_OPTIONS);
  expect(existsSync(resolve(ROOT, file))).toBe(true);
  expect(read('Dockerfile')).toMatch(/^USER node$/m);
});

test('the health check tells a gateway that answers from one that does not', async () => {
  const [program, ...parameters] = commandAfter(/^HEALTHCHECK .* CMD /);
  expect(program).toBe('node');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  // A server that listens on a TCP port has an address of this shape.
  const { port } = server.address() as AddressInfo;
  const check = async () => {
    const child = spawn(process.execPath, parameters, { env: { PORT: String(port) }, stdio: 'ignore' });
    const [code] = await once(child, 'exit');
    return code;
  };
  expect(await check()).toBe(0);
  expect(asked).toEqual(['/health/live']);
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  expect(await check()).toBe(1);
});

test('the gateways of compose.yaml have a configuration that is taken, and the credentials of its sandbox', () => {
  const environment = environmentOf('gateway');
  const config = readConfig({ ...environment, HOST: '0.0.0.0', PORT: '4000' });
  expect(config.cxone).toMatchObject({ clientId: SANDBOX_CLIENT_ID, clientSecret: SANDBOX_CLIENT_SECRET });
  const sandbox = environmentOf('sandbox');
  expect(environment.CXONE_BASE_URL).toBe(`http://sandbox:${sandbox.SANDBOX_PORT}`);
  const postgres = environmentOf('postgres');
  expect(environment.DATABASE_URL).toBe(
    `postgres://${postgres.POSTGRES_USER}:${postgres.POSTGRES_PASSWORD}@postgres:5432/${postgres.POSTGRES_DB}`,
  );
});
