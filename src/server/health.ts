/** Whether the process lives, and whether it should be sent requests. */
import type { Clock } from '../clock.ts';
import { errorPolicy } from '../errors.ts';
import { sendJson } from './respond.ts';
import type { Route } from './routes.ts';

/** Resolves where all is well, rejects with the reason where not. Told when its answer is no longer waited for. */
export type HealthCheck = (signal: AbortSignal) => Promise<void>;

export interface HealthOptions {
  /** By the name under which each stands in the answer. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /**
   * What is wrong elsewhere: told, but no reason to send requests to another replica, which would be no better off. While
   * CXone is down the gateway still takes imports, serves what it has and says what it cannot.
   */
  readonly problems: () => readonly string[];
  readonly isDraining: () => boolean;
  readonly clock: Clock;
}

/** A check that takes longer has failed: probes time out soon after. */
const CHECK_TIMEOUT_MS = 2000;

/** `/health/live` and `/health/ready`. Probes that come while checks run share their outcome. */
export function createHealthRoutes({ checks, problems, isDraining, clock }: HealthOptions): Route[] {
  let running: Promise<Record<string, string>> | undefined;

  async function runChecks(): Promise<Record<string, string>> {
    const names = Object.entries(checks).map(async ([name, check]) => [name, await runCheck(check, clock)] as const);
    return Object.fromEntries(await Promise.all(names));
  }

  return [
    {
      method: 'GET',
      pattern: '/health/live',
      handle: async ({ response }) => sendJson(response, 200, { status: 'ok' }),
    },
    {
      method: 'GET',
      pattern: '/health/ready',
      async handle({ response }) {
        if (isDraining()) {
          sendJson(response, 503, { status: 'draining', reason: 'The gateway is shutting down.' });
          return;
        }
        running ??= runChecks().finally(() => {
          running = undefined;
        });
        const outcomes = await running;
        const failed = Object.keys(outcomes).filter((name) => outcomes[name] !== 'ok');
        if (failed.length === 0) sendJson(response, 200, { status: 'ok', checks: outcomes, problems: problems() });
        else
          sendJson(response, 503, {
            status: 'unavailable',
            reason: `Not ready: ${failed.join(', ')}.`,
            checks: outcomes,
            problems: problems(),
          });
      },
    },
  ];
}

async function runCheck(check: HealthCheck, clock: Clock): Promise<string> {
  const over = new AbortController();
  try {
    const timeout = clock.sleep(CHECK_TIMEOUT_MS, over.signal).then(() => `no answer within ${CHECK_TIMEOUT_MS} ms`);
    return await Promise.race([check(over.signal).then(() => 'ok'), timeout]);
  } catch (error) {
    return errorPolicy(error).clientVisible && error instanceof Error ? error.message : 'failed';
  } finally {
    over.abort();
  }
}
