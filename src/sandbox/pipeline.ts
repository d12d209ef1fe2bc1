/**
 * The order of one request: counted, admitted (route, token, in flight, rate), read, spoiled by a programmed fault
 * where one is due, handled in one transaction, answered.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import { sendReply, sendSpoiled } from './fault-answers.ts';
import { type Fault, type Faults, isApplied, refusedItem } from './faults.ts';
import type { Holds } from './holds.ts';
import { type Observer, observedRoute } from './observations.ts';
import { MAX_IN_FLIGHT_PER_BOOK, type RateLimits } from './rate-limits.ts';
import { Refusal } from './refusal.ts';
import { parseBody, readBytes } from './request-body.ts';
import type { createRouter, RouteMatch } from './router.ts';

export interface PipelineDeps {
  db: Database;
  router: ReturnType<typeof createRouter>;
  observer: Observer;
  limits: RateLimits;
  faults: Faults;
  holds: Holds;
  /** @throws Refusal 401 or 403 */
  checkToken: (headers: IncomingMessage['headers'], route: Route) => void;
  now: () => number;
  nextRequestId: () => string;
}

/** @returns the handler of the API's requests; it never rejects */
export function createPipeline(
  deps: PipelineDeps,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { db, router, observer, limits, faults, holds, checkToken, now, nextRequestId } = deps;

  return async (request, response) => {
    const requestId = nextRequestId();
    response.setHeader('x-request-id', requestId);
    const at = now();
    const method = request.method ?? '';
    const url = request.url ?? '';
    const queryAt = url.indexOf('?');
    const path = queryAt < 0 ? url : url.slice(0, queryAt);
    const query = new URLSearchParams(queryAt < 0 ? '' : url.slice(queryAt + 1));

    let refusal: Refusal | undefined;
    const attempt = <T>(step: () => T): T | undefined => {
      if (refusal) return undefined;
      try {
        return step();
      } catch (error) {
        refusal = asRefusal(error);
        return undefined;
      }
    };

    const match: RouteMatch | undefined = attempt(() => router(method, path));
    const route = match?.route;
    const { bookInFlight, leave } = observer.arrive(route?.group ?? null, match?.params.bookId);
    const gone = new AbortController();
    // A sandbox that stops closes its connections, so this also ends the waits of those.
    const { signal } = gone;
    const onAnswered: (() => void)[] = [leave];
    const finish = () => {
      for (const listener of onAnswered.splice(0)) listener();
    };
    response.on('close', () => {
      gone.abort();
      finish();
    });
    if (route) attempt(() => admit(route, query, bookInFlight, request));

    const raw = await readBytes(request).catch((error: unknown) => {
      refusal ??= asRefusal(error);
      return Buffer.alloc(0);
    });
    if (signal.aborted) return;
    const body = route && attempt(() => parseBody(route, request, raw));
    const observed = observer.note({
      at,
      method,
      url,
      route: observedRoute(route),
      params: match?.params ?? {},
      items: (body !== undefined && route?.countItems?.(body)) || 0,
      idempotencyKey: headerText(request.headers['idempotency-key']),
      ifMatch: request.headers['if-match'],
      requestId,
    });
    let isAnswered = false;
    const answered = (status: number) => {
      if (isAnswered) return;
      isAnswered = true;
      observer.answered(observed, status);
    };
    response.on('close', () => answered(0));

    const fault: Fault | undefined = refusal ? undefined : faults.next(method, path);
    try {
      if (fault?.delayBeforeMs) await sleep(fault.delayBeforeMs, undefined, { signal });
      let reply: Reply | undefined;
      if (refusal || !match)
        reply = refuse(refusal ?? new Refusal(404, 'NotFound', 'There is nothing at this path.'), path);
      else if (!fault || isApplied(fault)) {
        const exchange: Exchange = {
          route: match.route,
          params: match.params,
          query,
          headers: request.headers,
          raw,
          body,
          violate: observer.violate,
          refuseItem: (key, index) => fault && refusedItem(fault, key, index),
          onAnswered: (listener) => onAnswered.push(listener),
        };
        reply = apply(exchange, path);
      }
      await holds.pass(method, path, signal);
      if (fault) await sendSpoiled(response, reply, fault, now(), signal, finish);
      else if (reply) {
        finish();
        answered(reply.status);
        sendReply(response, reply);
      }
      if (response.headersSent) answered(response.statusCode);
    } catch (error) {
      // A wait that was ended because somebody went away leaves nothing to answer.
      if (!signal.aborted) throw error;
    }
  };

  function admit(route: Route, query: URLSearchParams, bookInFlight: number, request: IncomingMessage): void {
    checkToken(request.headers, route);
    if (bookInFlight > MAX_IN_FLIGHT_PER_BOOK) {
      throw new Refusal(429, 'TooManyInFlight', `More than ${MAX_IN_FLIGHT_PER_BOOK} calls for this address book.`, {
        headers: { 'retry-after': '1' },
        violation: 'in-flight-per-address-book',
      });
    }
    if (route.group !== null) limits.admitRequest(route.group);
    const unknown = query.keys().find((key) => !route.query?.includes(key));
    if (unknown !== undefined) {
      throw new Refusal(400, 'UnknownParameter', `${JSON.stringify(unknown)} is not a known parameter.`, {
        violation: 'unknown-parameter',
      });
    }
  }

  /** The route's own answer; whatever it throws has left no trace in the store. */
  function apply(exchange: Exchange, path: string): Reply {
    try {
      const { route } = exchange;
      if (route.before) db.transaction(() => route.before?.(exchange));
      return route.method === 'GET' ? route.handle(exchange) : db.transaction(() => route.handle(exchange));
    } catch (error) {
      return refuse(asRefusal(error), path);
    }
  }

  function refuse({ status, code, message, details }: Refusal, path: string): Reply {
    const { issues = [], headers, body, violation } = details;
    if (violation !== undefined) observer.violate(violation, `${path}: ${message}`);
    return { status, ...(headers && { headers }), body: { code, message, errors: issues, ...body } };
  }
}

/** Anything that is not a refusal is a fault of the sandbox itself: said so, in full, since it guards no secrets. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Refusal(500, 'SandboxFault', text, { violation: 'sandbox-fault' });
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
