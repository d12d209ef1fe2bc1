/** A Postgres of its own for a script, or the one that TEST_POSTGRES_URL names. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface PostgresProcess extends AsyncDisposable {
  readonly url: string;
}

/** @throws with its exit code where it does not start */
export async function startPostgresProcess(): Promise<PostgresProcess> {
  const given = process.env.TEST_POSTGRES_URL;
  if (given) return { url: given, async [Symbol.asyncDispose]() {} };
  const script = fileURLToPath(new URL('../support/postgres-server.ts', import.meta.url));
  const server = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(server, 'close');
  const url = await Promise.race([
    once(server.stdout, 'data').then(([chunk]) => String(chunk).trim()),
    ended.then(([code]) => Promise.reject(new Error(`Postgres ended with ${code}.`))),
  ]);
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.stdin.end();
      await ended;
    },
  };
}
