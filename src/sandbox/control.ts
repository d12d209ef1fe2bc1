/** Everything a test can do to a sandbox and ask of it. `control-routes.ts` offers the same over HTTP. */
import { z } from 'zod';
import type { Database } from './database.ts';
import type {
  Deliverer,
  DeliveryCounts,
  DeliveryEvent,
  DeliveryMode,
  DeliveryOptions,
  DeliveryResult,
} from './deliveries.ts';
import type { Fault, Faults, ProgrammedFault } from './faults.ts';
import { createFixtures, type Fixtures } from './fixtures.ts';
import type { JsonObject } from './formats.ts';
import type { Hold, Holds } from './holds.ts';
import type { Observations, ObservedRequest, Observer } from './observations.ts';
import { limitsSchema, type Settings, withLimits } from './options.ts';
import type { RequestPattern } from './path-pattern.ts';
import type { RivalPlan, Rivals } from './rivals.ts';
import { createState, type SandboxState } from './state.ts';

export interface SandboxControl {
  /** Programs a fault; those programmed first go first. @throws ZodError for what is no fault */
  fail(fault: Fault): ProgrammedFault;
  faults(): readonly ProgrammedFault[];
  removeFault(id: string): boolean;
  clearFaults(): void;

  /** What was asked since the start or the last reset. */
  requests(): Observations;
  /** The last thousands of requests one by one, oldest first. */
  requestLog(): readonly ObservedRequest[];
  resetRequests(): void;
  /**
   * The first request, past or to come, that the predicate accepts. It is asked when a request's body has come
   * (`status` undefined) and again when it is answered.
   * @throws when none came within `timeoutMs` (default 10 s) or the sandbox stops
   */
  waitFor(predicate: (request: ObservedRequest) => boolean, options?: { timeoutMs?: number }): Promise<ObservedRequest>;
  /** Holds back the answers of a route; the requests take effect. */
  hold(pattern: RequestPattern): Hold;
  findHold(id: string): Hold | undefined;

  readonly state: SandboxState;
  /** Makes what CXone has no call for. */
  readonly add: Fixtures;

  /** Sends a signed webhook now, several one after another in the given order. */
  deliver(event: DeliveryEvent | readonly DeliveryEvent[], options?: DeliveryOptions): Promise<DeliveryResult[]>;
  /** How the deliveries behave that enrichment causes by itself. */
  deliverAs(mode: Partial<DeliveryMode>): void;
  deliveries(): DeliveryCounts;

  /** Changes a contact behind the client's back. @returns the contact @throws Refusal 404 */
  rivalWrite(bookId: string, contactId: string, patch: JsonObject): JsonObject;
  /** A rival writes before every k-th PUT; null ends it. */
  rivalBeforePut(plan: RivalPlan | null): void;

  /** Changes what is given, from the next request on. @throws ZodError */
  configure(settings: SettingsPatch): void;
  settings(): Settings;
  /** Makes every token given out so far unknown. */
  revokeTokens(): void;
}

/** As `POST /_sandbox/settings` takes it. */
export const settingsSchema = z.strictObject({
  limits: limitsSchema.optional(),
  indexLagMs: z.number().min(0).optional(),
  /** Any number: tokens that end at once, or never, are for testing, too. */
  tokenLifetimeSeconds: z.number().optional(),
  recordDuplicates: z.enum(['warn', 'reject']).optional(),
  warningsAs: z.enum(['object', 'string']).optional(),
  etags: z.union([z.boolean(), z.literal('weak')]).optional(),
  noMatch: z.enum(['empty', '404']).optional(),
  allowedScopes: z.array(z.string()).nullable().optional(),
});

export type SettingsPatch = z.input<typeof settingsSchema>;

const WAIT_MS = 10_000;

export interface ControlDeps {
  db: Database;
  settings: Settings;
  observer: Observer;
  faults: Faults;
  holds: Holds;
  rivals: Rivals;
  deliverer: Deliverer;
  now: () => number;
  stopped: AbortSignal;
}

/** Binds the parts of one sandbox together. */
export function createControl(deps: ControlDeps): SandboxControl {
  const { db, settings, observer, faults, holds, rivals, deliverer, now, stopped } = deps;
  return {
    fail: faults.add,
    faults: faults.list,
    removeFault: faults.remove,
    clearFaults: faults.clear,
    requests: observer.snapshot,
    requestLog: observer.log,
    resetRequests: observer.reset,
    waitFor: (predicate, { timeoutMs = WAIT_MS } = {}) => waitFor(observer, predicate, timeoutMs, stopped),
    hold: holds.add,
    findHold: holds.find,
    state: createState({ db, now }),
    add: createFixtures({ db, now }),
    deliver: async (given, options) => {
      const results: DeliveryResult[] = [];
      const events: readonly DeliveryEvent[] = Array.isArray(given) ? given : [given];
      for (const event of events) results.push(...(await deliverer.deliver(event, options)));
      return results;
    },
    deliverAs: (mode) => void Object.assign(deliverer.mode, mode),
    deliveries: deliverer.counts,
    rivalWrite: (bookId, contactId, patch) => db.transaction(() => rivals.write(bookId, contactId, patch)),
    rivalBeforePut: rivals.plan,
    configure: (given) => {
      const { limits, ...rest } = settingsSchema.parse(given);
      settings.limits = withLimits(settings.limits, limits);
      Object.assign(settings, rest);
    },
    settings: () => structuredClone(settings),
    revokeTokens: () => void db.run('DELETE FROM tokens'),
  };
}

function waitFor(
  observer: Observer,
  predicate: (request: ObservedRequest) => boolean,
  timeoutMs: number,
  stopped: AbortSignal,
): Promise<ObservedRequest> {
  const past = observer.log().find(predicate);
  if (past) return Promise.resolve(past);
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', onStop);
      unsubscribe();
    };
    const onStop = () => {
      end();
      reject(new Error('The sandbox stopped before such a request came.'));
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`No such request came within ${timeoutMs} ms.`));
    }, timeoutMs);
    const unsubscribe = observer.subscribe((request) => {
      if (!predicate(request)) return;
      end();
      resolve(request);
    });
    stopped.addEventListener('abort', onStop, { once: true });
  });
}
