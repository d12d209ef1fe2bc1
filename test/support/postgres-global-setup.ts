/**
 * One Postgres server per test run, started when the first test asks for it and stopped with the run. With
 * `TEST_POSTGRES_URL` set, that server is used and none is started.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** GET answers with the URL of the run's Postgres server, started by the first to ask. */
    postgresStarterUrl: string;
  }
}

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
  starter.listen(0, '127.0.0.1');
  await once(starter, 'listening');
  // A server that listens on a TCP port has an address of this shape.
  project.provide('postgresStarterUrl', `http://127.0.0.1:${(starter.address() as AddressInfo).port}`);
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

  const script = fileURLToPath(new URL('./postgres-server.ts', import.meta.url));
  // Detached: Ctrl-C is for the test run, which then ends the server in order.
  const server = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const ended = once(server, 'close');
  let errors = '';
  server.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const url = await Promise.race([
    once(server.stdout, 'data').then(([chunk]) => String(chunk).trim()),
    ended.then(([code]) => Promise.reject(new Error(`it ended with ${code}\n${errors}`))),
  ]);
  return {
    url,
    async stop() {
      server.stdin.end();
      await ended;
    },
  };
}
