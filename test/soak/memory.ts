/**
 * What floods cost a gateway in memory, in a process of its own, started as `npm start` does: `node test/soak/memory.ts
 * [documents] [fuzzed]`. First so many documents of a megabyte, each unlike the others (faults.md, "APQ flood"), some at
 * a time; then so many fuzzed GraphQL requests, webhooks, paths and uploads. Tells what it takes at rest, at its highest,
 * and as time goes on.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createFuzz, type FuzzKind } from '../faults/fuzz.ts';
import { UNLIMITED } from '../faults/unlimited.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';

const [documents = 1_000, fuzzed = 10_000] = process.argv.slice(2).map(Number);
const MiB = 1024 * 1024;
const AT_A_TIME = 16;
const SHARES = 5;
const REST_MS = 5_000;

function rssMiB({ child }: GatewayProcess): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1024;
}

/** Calls `send` for each number below `count`, some at a time. @returns the most memory that was seen meanwhile, MiB */
async function flood(gateway: GatewayProcess, count: number, send: (index: number) => Promise<void>): Promise<number> {
  let highest = 0;
  const watching = setInterval(() => {
    highest = Math.max(highest, rssMiB(gateway));
  }, 20);
  let next = 0;
  const work = async () => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  clearInterval(watching);
  return highest;
}

const DOCUMENTS: Record<string, () => string> = {
  'one token': () => `#${randomUUID()}${'x'.repeat(MiB)}\n{ __typename }`,
  'sixty thousand tokens': () => {
    const id = randomUUID().replaceAll('-', '');
    return `{ ${Array.from({ length: 20_000 }, (_, field) => `f${id}${field}: __typename`).join(' ')} }`;
  },
};

async function floodWithDocuments(gateway: GatewayProcess, makeDocument: () => string): Promise<void> {
  await flood(gateway, 100, () => ask(gateway, '{ gatewayStatus { version } }'));
  await delay(REST_MS);
  const atRest = rssMiB(gateway);
  const highest = await flood(gateway, documents, () => ask(gateway, makeDocument()));
  tell(`${documents} documents of a megabyte: at rest ${round(atRest)}, highest +${round(highest - atRest)} MiB`);
}

async function ask({ url }: GatewayProcess, query: string): Promise<void> {
  const sha256Hash = createHash('sha256').update(randomUUID()).digest('hex');
  const body = JSON.stringify({ query, extensions: { persistedQuery: { version: 1, sha256Hash } } });
  const headers = { 'content-type': 'application/json' };
  await (await fetch(`${url}/graphql`, { method: 'POST', headers, body })).arrayBuffer();
}

async function floodWithFuzz<Input>(
  gateway: GatewayProcess,
  name: string,
  { inputs, send }: FuzzKind<Input>,
): Promise<void> {
  const wrong: string[] = [];
  const memory: number[] = [];
  const share = Math.ceil(fuzzed / SHARES);
  for (let part = 0; part < SHARES; part += 1) {
    const some = fc.sample(inputs, { numRuns: share, seed: part });
    await flood(gateway, share, async (index) => {
      const fault = await send(some[index] as Input).catch(String);
      if (fault !== undefined) wrong.push(fault);
    });
    await delay(REST_MS);
    memory.push(rssMiB(gateway));
  }
  tell(`${fuzzed} fuzzed ${name}, ${wrong.length} with a wrong answer: ${memory.map(round).join(', ')} MiB`);
  for (const fault of wrong.slice(0, 5)) tell(fault);
}

const round = (value: number) => Math.round(value);
const tell = (line: string) => void process.stdout.write(`${line}\n`);

const folder = await mkdtemp(join(tmpdir(), 'gateway-memory-'));
await using sandbox = await startSandbox({ ...UNLIMITED.sandbox, indexLagMs: 0 });
const start = () =>
  startGatewayProcess({
    databaseUrl: `file:${join(folder, `${randomUUID()}.db`)}`,
    cxoneUrl: sandbox.url,
    env: { ...UNLIMITED.env, CXONE_WEBHOOK_SECRET: sandbox.webhookSecret },
  });
try {
  for (const [what, makeDocument] of Object.entries(DOCUMENTS)) {
    await using gateway = await start();
    tell(`In ${what}:`);
    await floodWithDocuments(gateway, makeDocument);
  }
  await using gateway = await start();
  const { graphql, webhooks, requests, uploads } = createFuzz({ ...gateway, webhookSecret: sandbox.webhookSecret });
  await floodWithFuzz(gateway, 'GraphQL requests', graphql);
  await floodWithFuzz(gateway, 'webhooks', webhooks);
  await floodWithFuzz(gateway, 'paths and headers', requests);
  await floodWithFuzz(gateway, 'uploads', uploads);
} finally {
  await rm(folder, { recursive: true, force: true });
}
