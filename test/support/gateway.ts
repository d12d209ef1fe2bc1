/** The whole gateway in this process, on a fresh store and a fresh sandbox, reached as its users reach it. */
import { createClient } from 'graphql-ws';
import { createApp } from '../../src/app.ts';
import type { Clock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET, type SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import type { Engine } from '../../src/store/storage-engine.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { leaksIn, peopleOf, secretsOf } from './leak-scan.ts';
import { freshDatabaseUrl } from './postgres.ts';

// What a test selects is what it gets: the documents are checked against the schema by the gateway itself.
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted on, not computed with
export type Data = any;

export interface GraphQLAnswer {
  data: Data;
  errors?: { message: string; path?: (string | number)[]; extensions: Record<string, Data> }[];
  extensions?: Record<string, Data>;
}

export interface TestGateway extends AsyncDisposable {
  readonly url: string;
  readonly sandbox: Sandbox;
  /** Lines of the log so far, parsed. */
  readonly log: readonly Record<string, unknown>[];
  graphql(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>): Promise<GraphQLAnswer>;
  /** The data of `graphql`; throws where there are errors. */
  data(query: string, variables?: Record<string, unknown>): Promise<Data>;
  /** Over WebSocket. Ends when the gateway completes it, or when the caller stops iterating. */
  subscribe(query: string, variables?: Record<string, unknown>): AsyncIterableIterator<Data>;
}

export interface TestGatewayOptions {
  engine?: Engine;
  sandbox?: SandboxOptions;
  /** A sandbox of the test's own, which the test ends. */
  useSandbox?: Sandbox;
  /** A store of the test's own, so that several gateways share it. */
  databaseUrl?: string;
  env?: Record<string, string>;
  clock?: Clock;
}

/** Waits in milliseconds short enough for tests; what they wait for is what really happens. */
const QUICK = { RETRY_BASE_MS: '5', SEGMENT_POLL_MS: '20', SEGMENT_CONFIRM_MS: '2000' };

export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const parts = new AsyncDisposableStack();
  const sandbox = options.useSandbox ?? parts.use(await startSandbox({ indexLagMs: 0, ...options.sandbox }));
  const databaseUrl = options.databaseUrl ?? parts.use(await freshDatabaseUrl(options.engine ?? 'sqlite')).url;
  const env: Record<string, string> = {
    PORT: '0',
    CXONE_BASE_URL: sandbox.url,
    CXONE_CLIENT_ID: SANDBOX_CLIENT_ID,
    CXONE_CLIENT_SECRET: SANDBOX_CLIENT_SECRET,
    CXONE_WEBHOOK_SECRET: sandbox.webhookSecret,
    GATEWAY_AUTH: 'none',
    DATABASE_URL: databaseUrl,
    LOG_LEVEL: 'debug',
    ...QUICK,
    ...options.env,
  };
  const config = readConfig(env);
  const lines: Record<string, unknown>[] = [];
  /** What others may come to see: the log, the metrics, and errors. */
  const said: string[] = [];
  const log = createLog({
    level: config.logLevel,
    destination: {
      write(line) {
        said.push(line);
        lines.push(JSON.parse(line));
      },
    },
  });
  // When the app has ended, and before the sandbox does: every test is one about secrets, too.
  parts.defer(() => {
    const leaks = leaksIn(said, { secrets: secretsOf(env), people: peopleOf(sandbox) });
    if (leaks.length > 0) throw new Error(`Told what must not be told:\n${leaks.slice(0, 5).join('\n')}`);
  });
  const app = parts.use(await createApp({ config, log, ...(options.clock ? { clock: options.clock } : {}) }));

  parts.defer(async () => {
    said.push(await (await fetch(`${app.url}/metrics`)).text());
  });

  const graphql: TestGateway['graphql'] = async (query, variables, headers) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const answer = (await response.json()) as GraphQLAnswer;
    if (answer.errors) said.push(JSON.stringify(answer.errors));
    return answer;
  };

  return {
    url: app.url,
    sandbox,
    log: lines,
    graphql,
    async data(query, variables) {
      const answer = await graphql(query, variables);
      if (answer.errors) throw new Error(JSON.stringify(answer.errors));
      return answer.data;
    },
    async *subscribe(query, variables) {
      const client = createClient({ url: `${app.url.replace(/^http/, 'ws')}/graphql`, retryAttempts: 0 });
      try {
        for await (const result of client.iterate({ query, variables: variables ?? {} })) {
          if (result.errors) throw new Error(JSON.stringify(result.errors));
          yield result.data;
        }
      } finally {
        await client.dispose();
      }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
