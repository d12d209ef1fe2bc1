/** Gives each try its time: all of it counts, connecting, waiting for the token and reading alike, not idle time only. */
import type { Clock } from '../clock.ts';
import type { Step } from './step.ts';

/** A try cut by a deadline sooner than this says nothing about CXone, milliseconds. */
const TELLING_MS = 1_000;

/**
 * Runs `run` with a signal that aborts after `ms` or when `signal` does. `run` must settle once aborted.
 *
 * @returns its value, and whether the time ran out
 */
export async function withTimeLimit<T>(
  { ms, signal, clock }: { ms: number; signal: AbortSignal | undefined; clock: Clock },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<{ value: T; timedOut: boolean }> {
  const limit = new AbortController();
  let timedOut = false;
  const onAbort = () => limit.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const cancel = clock.after(Math.ceil(ms), () => {
    timedOut = true;
    limit.abort(new Error('time is up'));
  });
  try {
    return { value: await run(limit.signal), timedOut };
  } finally {
    cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** @param timeoutMs the longest one try may take; less where the deadline is nearer */
export function createAttemptTimeout({ timeoutMs, clock }: { timeoutMs: number; clock: Clock }): Step {
  return async (exchange, next) => {
    const leftMs = (exchange.deadlineAt ?? Number.POSITIVE_INFINITY) - clock.monotonic();
    const ms = Math.max(0, Math.min(timeoutMs, leftMs));
    const { value: outcome, timedOut } = await withTimeLimit({ ms, signal: exchange.signal, clock }, (signal) =>
      next({ ...exchange, signal }),
    );
    if (!timedOut || outcome.kind === 'answer' || outcome.fault !== 'timeout') return outcome;
    return {
      ...outcome,
      reason: `no answer within ${Math.ceil(ms)} ms`,
      hurried: ms < timeoutMs && ms < TELLING_MS,
    };
  };
}
