/** The gateway as a process of its own, started as `npm start` starts it: to be killed, stopped or paused. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } from '../../src/sandbox/options.ts';
import type { GraphQLAnswer } from './gateway.ts';
import { NPM_START_OPTIONS } from './npm-start.ts';

export interface GatewayProcess extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  graphql(query: string, variables?: Record<string, unknown>): Promise<GraphQLAnswer>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

const MAIN = resolve(import.meta.dirname, '../../src/main.ts');

/** Starts one and waits until it says where it is. @throws with what it printed where it ends before that */
export async function startGatewayProcess(options: {
  databaseUrl: string;
  /** Without it the built-in sandbox stands in. */
  cxoneUrl?: string;
  env?: Record<string, string>;
}): Promise<GatewayProcess> {
  const upstream: Record<string, string> = options.cxoneUrl
    ? {
        CXONE_BASE_URL: options.cxoneUrl,
        CXONE_CLIENT_ID: SANDBOX_CLIENT_ID,
        CXONE_CLIENT_SECRET: SANDBOX_CLIENT_SECRET,
        GATEWAY_AUTH: 'none',
      }
    : {};
  const child = spawn(process.execPath, [...NPM_START_OPTIONS, MAIN], {
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      DATABASE_URL: options.databaseUrl,
      LOG_LEVEL: 'warn',
      RETRY_BASE_MS: '5',
      SEGMENT_POLL_MS: '20',
      ...upstream,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const url = await announcedUrl(child);
  return {
    url,
    child,
    async graphql(query, variables) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as GraphQLAnswer;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function announcedUrl(child: ChildProcess): Promise<string> {
  const printed: string[] = [];
  child.stderr?.on('data', (chunk) => printed.push(String(chunk)));
  if (!child.stdout) throw new Error('the process has no output');
  for await (const line of createInterface(child.stdout)) {
    printed.push(line);
    const [, url] = /GraphQL\s+(http:\S+)\/graphql/.exec(line) ?? [];
    if (url) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error(`The gateway did not start:\n${printed.join('\n')}`);
}
