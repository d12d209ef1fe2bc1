/** The gateway as a process of its own, the way it is started in earnest. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import type { Sandbox } from '../../src/sandbox/server.ts';
import type { Data } from '../support/gateway.ts';

export interface GatewayProcess extends AsyncDisposable {
  /** @throws where the answer has errors */
  data(query: string, variables?: Record<string, unknown>): Promise<Data>;
}

/** Runs when the promise resolves; disposing of it ends it and waits until it has ended. */
export async function startGatewayProcess(options: { sandbox: Sandbox; databaseUrl: string }): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['src/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      CXONE_BASE_URL: options.sandbox.url,
      CXONE_CLIENT_ID: SANDBOX_CLIENT_ID,
      CXONE_CLIENT_SECRET: SANDBOX_CLIENT_SECRET,
      CXONE_LIMITS: JSON.stringify({ addressBooks: 5000 }),
      GATEWAY_AUTH: 'none',
      DATABASE_URL: options.databaseUrl,
      LOG_LEVEL: 'silent',
    },
  });
  const exited = once(child, 'exit');
  const url = await readUrl(child.stdout, exited);
  // What it writes later is nobody's concern, but must not fill the pipe.
  child.stdout.resume();
  return {
    async data(query, variables) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      const answer = (await response.json()) as { data: Data; errors?: unknown };
      if (answer.errors) throw new Error(JSON.stringify(answer.errors));
      return answer.data;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function readUrl(stdout: NodeJS.ReadableStream, exited: Promise<unknown>): Promise<string> {
  const lines = createInterface({ input: stdout });
  void exited.then(() => lines.close());
  for await (const line of lines) {
    const url = /GraphQL\s+(http:\S+\/graphql)/.exec(line)?.[1];
    if (url) return url;
  }
  throw new Error('The gateway ended before it listened.');
}
