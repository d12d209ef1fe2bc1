/** Fixes until when a call is of use, and lets the client's end cancel all of them at once. */
import type { Clock } from '../clock.ts';
import { UpstreamError } from '../errors.ts';
import { INTERACTIVE_DEADLINE_MS } from './limits.ts';
import type { Exchange } from './step.ts';

export interface Deadline {
  /** Fixes a call's deadline. Throws where it has passed, or where the caller or the client has ended. */
  begin(exchange: Exchange): void;
  /** Ends every wait of the calls under way, and every later call, with `reason`. */
  endAll(reason: Error): void;
}

/** Somebody who waits waits 9 s at most; background work as long as its tries take, where it names no deadline. */
export function createDeadline({ clock }: { clock: Clock }): Deadline {
  const end = new AbortController();

  return {
    begin(exchange) {
      const stopped = end.signal;
      stopped.throwIfAborted();
      exchange.signal?.throwIfAborted();
      const now = clock.monotonic();
      if (exchange.deadlineAt !== undefined && exchange.deadlineAt <= now) throw tooLate(exchange);
      const own = exchange.lane.kind === 'interactive' ? now + INTERACTIVE_DEADLINE_MS : undefined;
      exchange.stopped = stopped;
      exchange.deadlineAt ??= own;
    },
    endAll: (reason) => end.abort(reason),
  };
}

/** Why nobody waits for the call any more, where that is so: the caller gave up, or the client ends. */
export function endOf({ signal, stopped }: Exchange): { readonly reason: unknown } | undefined {
  if (signal?.aborted) return signal;
  return stopped?.aborted ? stopped : undefined;
}

/** Aborted when the caller gives up or the client ends. For a wait that is rare: it costs more than most calls do. */
export function endSignal({ signal, stopped }: Exchange): AbortSignal | undefined {
  return signal && stopped ? AbortSignal.any([signal, stopped]) : (signal ?? stopped);
}

function tooLate({ method, route }: Exchange): UpstreamError {
  return new UpstreamError(
    `${method} ${route} was not sent to CXone: its deadline had passed. Try again in a moment.`,
    { fault: 'timeout' },
  );
}
