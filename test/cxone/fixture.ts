/** Makes clients of the scripted upstream, the callers that use them, and the exchanges that steps are tested with. */
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';
import type { CircuitBreaker } from '../../src/cxone/circuit-breaker.ts';
import { type CxoneClient, type CxoneClientOptions, createCxoneClient } from '../../src/cxone/client.ts';
import type { RateLimiter } from '../../src/cxone/rate-limiter.ts';
import type { CxoneRequest } from '../../src/cxone/request.ts';
import type { AnswerOutcome, Exchange, FailureOutcome, Outcome, WireEvents } from '../../src/cxone/step.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';

export const SECRET = 'hunter2-client-secret';

export function createTestClient(baseUrl: string, overrides: Partial<CxoneClientOptions> = {}): CxoneClient {
  return createCxoneClient({
    baseUrl,
    credentials: { clientId: 'client-7', clientSecret: SECRET, style: 'form' },
    limits: { addressBooks: 500, records: 500, outbound: 500, enrichment: 500, segments: 500 },
    timeoutMs: 30_000,
    retryBaseMs: { segments: 2000, other: 500 },
    clock: systemClock,
    random: Math.random,
    ...overrides,
  });
}

/** A client whose time stands still, except where `settled` moves it. */
export function createStillClient(baseUrl: string, overrides: Partial<CxoneClientOptions> = {}) {
  const clock = createFakeClock();
  const client = createTestClient(baseUrl, { clock, random: () => 0.5, ...overrides });
  return {
    clock,
    client,
    /** Moves time from wait to wait until the promise settles; while a request is under way, time stands still. */
    settled: <T>(promise: Promise<T>) =>
      clock.advanceUntil(promise, { isBusy: () => client.status().some(({ inFlight }) => inFlight > 0) }),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

export function interactive(overrides: Partial<CallContext> = {}): CallContext {
  return { requestId: 'request-1', lane: { kind: 'interactive' }, tally: newUpstreamTally(), ...overrides };
}

export function importCall(key = 'import-1', overrides: Partial<CallContext> = {}): CallContext {
  return { requestId: 'batch-1', lane: { kind: 'import', key }, tally: newUpstreamTally(), ...overrides };
}

const thing = z.object({ id: z.string() });
export type Thing = z.infer<typeof thing>;

/** A read of an address book. */
export const read = {
  group: 'addressBooks',
  method: 'GET',
  path: ['api', 'v2', 'addressbooks', '1'],
  answer: thing,
} as const satisfies CxoneRequest<Thing>;

/** A write that must not be sent twice. */
export const write = {
  group: 'addressBooks',
  method: 'POST',
  path: ['api', 'v2', 'addressbooks'],
  body: { name: 'a' },
  answer: thing,
} as const satisfies CxoneRequest<Thing>;

/** A write that may be sent twice. */
export const conditionalWrite = {
  group: 'addressBooks',
  method: 'PUT',
  path: ['api', 'v2', 'addressbooks', '1', 'contacts', '2'],
  headers: { 'if-match': '"7"' },
  body: { name: 'a' },
  repeatable: 'always',
  answer: thing,
} as const satisfies CxoneRequest<Thing>;

export function exchangeOf(overrides: Partial<Exchange> = {}): Exchange {
  return {
    requestId: 'request-1',
    group: 'addressBooks',
    method: 'GET',
    target: '/api/v2/addressbooks/1',
    route: '/api/v2/addressbooks/{id}',
    headers: {},
    body: undefined,
    chunked: false,
    repeatable: true,
    accept: [],
    inFlight: undefined,
    retryBaseMs: 500,
    missingRetryAfterMs: undefined,
    lane: { kind: 'interactive' },
    tally: newUpstreamTally(),
    signal: undefined,
    maxAttempts: undefined,
    hold: undefined,
    stopped: undefined,
    deadlineAt: undefined,
    attempt: 1,
    era: 0,
    place: undefined,
    tryMs: 30_000,
    tryEndsAt: undefined,
    token: undefined,
    ...overrides,
  };
}

export function answerOf(status: number, overrides: Partial<AnswerOutcome> = {}): AnswerOutcome {
  return {
    kind: 'answer',
    status,
    body: { id: '1' },
    etag: undefined,
    upstreamRequestId: undefined,
    retryAfterMs: undefined,
    latencyMs: 5,
    ...overrides,
  };
}

export function failureOf(overrides: Partial<FailureOutcome> = {}): FailureOutcome {
  return { kind: 'failure', fault: 'unavailable', reached: 'upstream', reason: 'it broke', latencyMs: 5, ...overrides };
}

/** Whoever is to be told of a request on the wire. */
type Told = Partial<WireEvents<Exchange>>;

/** A try through one step; `next` is what stands behind it, and tells the step what happens on the wire. */
export async function pass(
  step: Pick<CircuitBreaker | RateLimiter, 'enter' | 'leave'> & Told,
  exchange: Exchange,
  next: (exchange: Exchange, told: Told) => Promise<Outcome>,
): Promise<Outcome> {
  await step.enter(exchange);
  let outcome: Outcome | undefined;
  try {
    outcome = await next(exchange, step);
    return outcome;
  } finally {
    await step.leave(exchange, outcome);
  }
}

/** A share that a test changes at will, and how often somebody was short of it. */
export function changeableShare(places: number) {
  const share = {
    places,
    /** Beyond those, soon. */
    more: 0,
    shortage: 0,
    allowed: () => share.places,
    held: () => share.places,
    coming: () => share.places + share.more,
    onShort: () => {
      share.shortage++;
    },
  };
  return share;
}

/** An upstream in fake time: each request arrives and is answered after the given delays. */
export function fakeWire(
  clock: FakeClock,
  reply: (exchange: Exchange) => { arrivesAfterMs: number; answersAfterMs: number; outcome?: AnswerOutcome },
) {
  const arrivals: number[] = [];
  return {
    arrivals,
    async next(exchange: Exchange, told: Told): Promise<AnswerOutcome> {
      const { arrivesAfterMs, answersAfterMs, outcome = answerOf(200) } = reply(exchange);
      told.onSent?.(exchange);
      await clock.sleep(arrivesAfterMs);
      arrivals.push(clock.monotonic());
      await clock.sleep(answersAfterMs);
      told.onAnswered?.(exchange);
      return outcome;
    },
  };
}

/** The most of these times that fall into any window of `windowMs` (its end excluded). */
export function mostInAnyWindow(times: readonly number[], windowMs = 1000): number {
  const sorted = [...times].sort((a, b) => a - b);
  let most = 0;
  let from = 0;
  sorted.forEach((time, to) => {
    while ((sorted[from] ?? time) <= time - windowMs) from++;
    most = Math.max(most, to - from + 1);
  });
  return most;
}
