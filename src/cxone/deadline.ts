/** Fixes until when a call is of use, and lets the caller or the client's end cancel all of it at once. */
import type { Clock } from '../clock.ts';
import { UpstreamError } from '../errors.ts';
import { INTERACTIVE_DEADLINE_MS } from './limits.ts';
import type { Exchange, Step } from './step.ts';

export interface Deadline {
  step: Step;
  /** Ends every call under way, and every later one, with `reason`. */
  endAll(reason: Error): void;
}

/** Somebody who waits waits 9 s at most; background work as long as its tries take, where it names no deadline. */
export function createDeadline({ clock }: { clock: Clock }): Deadline {
  const calls = new Set<AbortController>();
  let ended: Error | undefined;

  return {
    async step(exchange, next) {
      if (ended) throw ended;
      exchange.signal?.throwIfAborted();
      const now = clock.monotonic();
      if (exchange.deadlineAt !== undefined && exchange.deadlineAt <= now) throw tooLate(exchange);
      const call = new AbortController();
      const onAbort = () => call.abort(exchange.signal?.reason);
      calls.add(call);
      exchange.signal?.addEventListener('abort', onAbort, { once: true });
      try {
        const own = exchange.lane.kind === 'interactive' ? now + INTERACTIVE_DEADLINE_MS : undefined;
        return await next({ ...exchange, signal: call.signal, deadlineAt: exchange.deadlineAt ?? own });
      } finally {
        calls.delete(call);
        exchange.signal?.removeEventListener('abort', onAbort);
      }
    },
    endAll(reason) {
      ended = reason;
      for (const call of calls) call.abort(reason);
    },
  };
}

function tooLate({ method, route }: Exchange): UpstreamError {
  return new UpstreamError(
    `${method} ${route} was not sent to CXone: its deadline had passed. Try again in a moment.`,
    { fault: 'timeout' },
  );
}
