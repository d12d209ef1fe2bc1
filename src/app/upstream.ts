/** CXone, or the sandbox that stands in for it, and the one client that all slices call it by. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CxoneClient, type CxoneClientOptions, createCxoneClient } from '../cxone/client.ts';
import { cxoneHost } from '../cxone/hosts.ts';
import { createUpstreamProblems } from '../status/upstream-problems.ts';
import { sqlitePath } from '../store/sqlite.ts';
import type { Ground } from './ground.ts';

export interface Upstream {
  readonly cxone: CxoneClient;
  /** What is wrong with CXone at the moment, in sentences. */
  readonly problems: () => string[];
  /** Secrets that are known because the sandbox made them. */
  readonly webhookSecrets: readonly string[];
  /** Where the built-in sandbox listens, if it stands in for CXone. */
  readonly sandboxUrl: string | null;
}

/** @param shared what a call shares with other calls and processes */
export async function connectUpstream(
  ground: Ground,
  shared: Required<Pick<CxoneClientOptions, 'onSlowDown' | 'currentHold'>>,
): Promise<Upstream> {
  const { config, clock, random, log, metrics, parts } = ground;
  const upstreamProblems = createUpstreamProblems();
  const upstream = config.cxone
    ? { ...config.cxone, webhookSecrets: [], sandboxUrl: null }
    : await startBuiltInSandbox(ground);
  const host = cxoneHost(upstream.location);
  const cxone = parts.use(
    createCxoneClient({
      baseUrl: host.baseUrl,
      credentials: {
        clientId: upstream.clientId,
        clientSecret: upstream.clientSecret,
        style: upstream.oauthStyle ?? host.tokenStyle,
      },
      limits: config.limits,
      timeoutMs: config.timeoutMs,
      retryBaseMs: config.retryBaseMs,
      clock,
      random,
      log: log.child({ part: 'cxone' }),
      onAttempt: (report) => {
        const { group, fault, status, latencyMs } = report;
        metrics.upstreamCall(group, fault ?? statusClass(status), latencyMs);
        upstreamProblems.note(report);
      },
      ...shared,
    }),
  );
  metrics.watchUpstream(() => cxone.status());
  return {
    cxone,
    problems: () => upstreamProblems.list(cxone.status()),
    webhookSecrets: upstream.webhookSecrets,
    sandboxUrl: upstream.sandboxUrl,
  };
}

/** The sandbox keeps its own file beside the gateway's, so that both go on together where they ended. */
async function startBuiltInSandbox({ config, parts }: Ground) {
  const { SANDBOX_CLIENT_ID, SANDBOX_CLIENT_SECRET } = await import('../sandbox/options.ts');
  const { startSandbox } = await import('../sandbox/server.ts');
  const file = config.databaseUrl.startsWith('file:') ? sqlitePath(config.databaseUrl) : './data/gateway.db';
  await mkdir(dirname(file), { recursive: true });
  const sandbox = parts.use(
    await startSandbox({ file: join(dirname(file), 'sandbox.db'), limits: { ...config.limits } }),
  );
  return {
    clientId: SANDBOX_CLIENT_ID,
    clientSecret: SANDBOX_CLIENT_SECRET,
    location: { baseUrl: sandbox.url },
    oauthStyle: null,
    webhookSecrets: [sandbox.webhookSecret],
    sandboxUrl: sandbox.url,
  };
}

function statusClass(status: number | undefined): string {
  return status === undefined ? 'none' : status === 429 ? 'rateLimited' : `${Math.floor(status / 100)}xx`;
}
