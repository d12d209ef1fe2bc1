/** Who is measured: the gateway, the bare proxy that is the limit, and the peers, each as a process of its own. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NPM_START_OPTIONS } from '../../support/npm-start.ts';
import { type BenchProcess, startBenchProcess } from '../harness/bench-process.ts';

const here = (path: string) => join(import.meta.dirname, path);

export const GATEWAY = 'gateway';
export const BARE_PROXY = 'bare proxy';
export const FLOOR = 'floor';

export interface Contender extends BenchProcess {
  readonly name: string;
}

const PEERS = [
  { name: 'Yoga + Pothos', script: here('../peers/yoga.mjs') },
  { name: 'Apollo Server', script: here('../peers/apollo.mjs') },
  { name: 'Mercurius + JIT', script: here('../peers/mercurius.mjs') },
];

/** The limits of CXone are another matter than the speed of the gateway: as good as none, unless a part sets them. */
export const NO_LIMITS = Object.fromEntries(
  ['addressBooks', 'records', 'outbound', 'enrichment', 'segments'].map((group) => [group, 100_000]),
);

export const startMock = () => startBenchProcess({ script: here('mock-cxone.ts') });

/** A gateway on a fresh store, as `npm start` runs it. With `upstreamUrl` null, its built-in sandbox stands in. */
export async function startGateway(
  upstreamUrl: string | null,
  env: Readonly<Record<string, string>> = {},
): Promise<Contender> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const started = await startBenchProcess({
    script: here('../../../src/cli/bin.mjs'),
    args: ['serve'],
    nodeOptions: NPM_START_OPTIONS,
    env: {
      PORT: '0',
      LOG_LEVEL: 'warn',
      DATABASE_URL: `file:${join(folder, 'gateway.db')}`,
      CXONE_LIMITS: JSON.stringify(NO_LIMITS),
      ...(upstreamUrl !== null && {
        CXONE_BASE_URL: upstreamUrl,
        CXONE_CLIENT_ID: 'bench',
        CXONE_CLIENT_SECRET: 'bench-secret',
        GATEWAY_AUTH: 'none',
      }),
      ...env,
    },
  });
  return {
    ...started,
    name: GATEWAY,
    async [Symbol.asyncDispose]() {
      await started[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function startBareProxy(upstreamUrl: string): Promise<Contender> {
  const started = await startBenchProcess({ script: here('bare-proxy.ts'), env: { UPSTREAM_URL: upstreamUrl } });
  return { ...started, name: BARE_PROXY };
}

export async function startReadFloor(upstreamUrl: string): Promise<Contender> {
  return {
    ...(await startBenchProcess({ script: here('read-floor.ts'), env: { UPSTREAM_URL: upstreamUrl } })),
    name: FLOOR,
  };
}

export async function startBareBroadcast(): Promise<Contender> {
  return { ...(await startBenchProcess({ script: here('bare-broadcast.ts') })), name: 'bare ws' };
}

export interface StartablePeer {
  readonly name: string;
  begin(): Promise<Contender>;
}

/** The peers, installed where they are not yet; where that fails, none, and `notes` says why. */
export async function findPeers(upstreamUrl: string, notes: string[]): Promise<StartablePeer[]> {
  const installed = await installPeers();
  if (installed !== true) {
    notes.push(`WITHOUT THE PEERS, which could not be installed (npm ci --prefix test/bench/peers): ${installed}`);
    return [];
  }
  return PEERS.map(({ name, script }) => ({
    name,
    begin: async () => ({ ...(await startBenchProcess({ script, env: { UPSTREAM_URL: upstreamUrl } })), name }),
  }));
}

/** The peers that can be started; what is said of the others goes into `notes`. */
export async function startPeers(upstreamUrl: string, notes: string[]): Promise<Contender[]> {
  const peers: Contender[] = [];
  for (const { name, begin } of await findPeers(upstreamUrl, notes)) {
    try {
      peers.push(await begin());
    } catch (error) {
      notes.push(`without ${name}: ${String(error)}`);
    }
  }
  return peers;
}

/** @returns true, or why they are not there */
async function installPeers(): Promise<true | string> {
  if (existsSync(here('../peers/node_modules/.package-lock.json'))) return true;
  try {
    process.stderr.write('installing the peers …\n');
    const run = promisify(execFile);
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here('../peers'), timeout: 120_000 });
    return true;
  } catch (error) {
    return error instanceof Error
      ? (error.message.split('\n').find((line) => line.trim() !== '') ?? 'npm ci failed')
      : 'npm ci failed';
  }
}
