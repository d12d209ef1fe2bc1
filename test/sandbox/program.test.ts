import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { send, temporaryDirectory } from './client.ts';

const MAIN = new URL('../../src/sandbox/main.ts', import.meta.url).pathname;
const LIST = DEMO_IDS.contactLists.importTrial;
const SEGMENT = DEMO_IDS.segments.summerInvitees;

function spawnMain(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [MAIN], {
    env: { SANDBOX_PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

/** A running program, and what it printed up to its control line. */
async function startMain(environment: Record<string, string>) {
  const child = spawnMain(environment);
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    printed.push(line);
    if (line.startsWith('control')) break;
  }
  const [, url = ''] = /(http:\S+)/.exec(printed.join('\n')) ?? [];
  return {
    url,
    printed: printed.join('\n'),
    stop: async (signal: NodeJS.Signals) => {
      const exit = once(child, 'exit');
      child.kill(signal);
      const [code] = await exit;
      return code as number | null; // `exit` gives the code, or null for a signal
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

async function bearer(url: string): Promise<string> {
  const fields = {
    grant_type: 'client_credentials',
    client_id: SANDBOX_CLIENT_ID,
    client_secret: SANDBOX_CLIENT_SECRET,
  };
  const { body } = await send(`${url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(fields) });
  return `Bearer ${body.access_token}`;
}

test('it says where it listens, which credentials it takes and where its control is, and stops cleanly', async () => {
  await using main = await startMain({});
  expect(main.printed).toContain(`${SANDBOX_CLIENT_ID} / ${SANDBOX_CLIENT_SECRET}`);
  expect(main.printed).toContain(`${main.url}/_sandbox`);
  expect(main.printed).toMatch(/whsec_/);
  const headers = { authorization: await bearer(main.url) };
  expect((await send(`${main.url}/api/v2/addressbooks`, { headers })).status).toBe(200);
  expect(await main.stop('SIGTERM')).toBe(0);
});

test('what was written survives kill -9, tokens and idempotency keys included, and the seed is not sown again', async () => {
  await using directory = await temporaryDirectory();
  const environment = { SANDBOX_FILE: join(directory.path, 'cxone.db') };
  const contacts = [{ externalId: 'a', phone: '+12025550101', doNotCall: false, doNotEmail: false }];
  let authorization = '';
  const post = (url: string, path: string, body: unknown) =>
    send(url + path, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: JSON.stringify(body),
    });
  {
    await using main = await startMain(environment);
    authorization = await bearer(main.url);
    expect((await post(main.url, `/api/v2/outbound/contactlists/${LIST}/contacts`, contacts)).status).toBe(201);
    expect((await post(main.url, `/api/v2/segments/${SEGMENT}/contacts`, ['a'])).status).toBe(201);
    await send(`${main.url}/api/v2/addressbooks/${DEMO_IDS.addressBooks.partners}`, {
      method: 'DELETE',
      headers: { authorization },
    });
    await main.stop('SIGKILL');
  }
  await using main = await startMain(environment);
  const state = `${main.url}/_sandbox/state`;
  expect((await send(`${state}/contactlists/${LIST}/outbound`, {})).body).toEqual(contacts);
  expect((await post(main.url, `/api/v2/segments/${SEGMENT}/contacts`, ['a'])).body.successCount).toBe(1);
  expect((await send(`${state}/segments/${SEGMENT}`, {})).body.written).toBe(1);
  expect((await send(`${state}/addressbooks/${DEMO_IDS.addressBooks.partners}/contacts`, {})).body.count).toBe(0);
});

test('every wrong variable is named on a line of its own, without its value', async () => {
  const child = spawnMain({
    SANDBOX_PORT: 'eighty',
    SANDBOX_LIMITS: '{"outbound":"fast"}',
    SANDBOX_INDEX_LAG_MS: '-1',
    SANDBOX_WEBHOOK_SECRET: 'hunter2',
  });
  const [errors, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  const lines = errors.trim().split('\n');
  expect(lines.map((line) => line.split(':')[0])).toEqual([
    'SANDBOX_PORT',
    'SANDBOX_LIMITS',
    'SANDBOX_INDEX_LAG_MS',
    'SANDBOX_WEBHOOK_SECRET',
  ]);
  expect(errors).not.toContain('hunter2');
});

test('a port that is taken is told as one, and an empty variable counts as missing', async () => {
  await using main = await startMain({ SANDBOX_HOST: '', SANDBOX_FILE: '', SANDBOX_INDEX_LAG_MS: '' });
  const child = spawnMain({ SANDBOX_PORT: new URL(main.url).port });
  const [errors, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(errors).toMatch(/^SANDBOX_PORT: the port is taken \(.*\)\. Set another\.$/m);
});

test('a file that is no SQLite file ends the start with its name', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'notes.txt');
  await writeFile(file, 'these are notes, and have been for a long time\n'.repeat(100));
  const child = spawnMain({ SANDBOX_FILE: file });
  const [errors, [code]] = await Promise.all([textOf(child.stderr), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(errors).toContain(file);
});
