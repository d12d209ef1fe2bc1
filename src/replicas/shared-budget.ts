/**
 * One budget for all replicas: each has its own places of every limit of CXone, for a few seconds at a time, and asks
 * nobody before it uses them. Together they never have more than there are:
 *
 * - A place that is to go to another is first used up here, then given up in the store, then taken there.
 * - Whoever does not come to renew its places loses them: here by the monotonic clock, also when it was paused and did
 *   not notice; in the store a little later. It keeps a few for minutes, so that a replica that is cut off from the
 *   database, or all of them when it is down, can still read from CXone.
 */
import type { Clock } from '../clock.ts';
import { ENDPOINT_GROUPS, type EndpointGroup } from '../cxone/request.ts';
import type { SharedLimit } from '../cxone/shared-limit.ts';
import type { Heartbeat, ReplicaStore, ReplicasView, ReplicaTimes, Slowdown } from '../store/replicas.ts';
import { waitForRing } from '../store/wait.ts';
import { concernsOthers, type Decision, decideShare, sharesOf } from './share-decision.ts';

const HEARTBEAT_MS = 1_000;
/** A replica that was not heard of for this long is given up, and gives itself up. */
const LIVE_MS = 5_000;
/** What is kept without the database, for as long as that may be away. */
const KEEP_MS = 300_000;
/** For two machines' clocks that do not run equally fast, and for a send that is under way while its place runs out. */
const SLACK_MS = 100;
/** While places are being given up they are looked at this often: they come free one by one. */
const GIVING_UP_MS = 100;
/** While others should be giving places up, in case their doorbell was not heard. */
const LACKING_MS = 250;
/** Between two heartbeats at least, however often the bell rings. */
const MIN_GAP_MS = 25;
/** Whoever was short of places this long ago still wants all there are. */
const SHORT_FOR_MS = 3_000;
/** A 429 older than this slows nobody down who did not meet it. Its Retry-After holds all the same. */
const FRESH_MS = 5_000;

/** Who met a 429 waits so long at most until it is stored for the others. */
const TELLING_MS = 500;

/** The part of CXone's client that is told of 429s. */
export interface Slowable {
  slowDown(group: EndpointGroup, learned: { waitMs: number; isFresh: boolean }): void;
}

export interface SharedBudget {
  /** How many replicas are alive, this one among them, as of the last heartbeat. No query. */
  replicas(): number;
  /**
   * Tells the others, and whoever starts later, of a 429: no request of `group` for `waitMs` (0: only slower ones).
   * Resolves when that is stored, or half a second later: the database may be away. Never rejects.
   */
  tellSlowDown(group: EndpointGroup, waitMs: number): Promise<void>;
  /** Gives everything back. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What this replica has of a limit. */
interface Part {
  readonly limit: SharedLimit;
  allowed: number;
  held: number;
  kept: number;
  /** What it will be allowed once the others have given up what they are to. */
  coming: number;
}

/**
 * Joins the replicas, and returns with the places that are free. From then on `limits` are under the budget.
 *
 * @throws GatewayError UNAVAILABLE where the database cannot be reached
 */
export async function startSharedBudget(deps: {
  store: ReplicaStore;
  owner: string;
  limits: readonly SharedLimit[];
  upstream: Slowable;
  clock: Clock;
  log: { warn(details: object, message: string): void };
}): Promise<SharedBudget> {
  const { store, owner, limits, upstream, clock, log } = deps;
  const settleMs = Math.max(...limits.map((limit) => limit.settleMs)) + SLACK_MS;
  const times: ReplicaTimes = { liveMs: LIVE_MS, holdMs: LIVE_MS + settleMs, keepMs: KEEP_MS + settleMs, settleMs };
  const parts = limits.map((limit): Part => ({ limit, allowed: 0, held: 0, kept: 0, coming: 0 }));
  const stop = new AbortController();
  const seenSlowdowns = new Map<string, number>();
  const toTell = new Map<EndpointGroup, number>();
  let heldUntil = Number.NEGATIVE_INFINITY;
  let keptUntil = Number.NEGATIVE_INFINITY;
  let told: Heartbeat['shares'] | undefined;
  let replicas = 1;
  let telling: Promise<void> | undefined;
  let bell = Promise.withResolvers<void>();

  function byTime(whole: number, kept: number): number {
    const now = clock.monotonic();
    if (now < heldUntil) return whole;
    return now < keptUntil ? Math.min(whole, kept) : 0;
  }

  function decide({ limit, held }: Part, view: ReplicasView): Decision {
    const { name, places } = limit;
    const isShort = clock.monotonic() - limit.shortAt() < SHORT_FOR_MS;
    return decideShare({ owner, name, places, used: limit.used(), held, isShort }, view);
  }

  /** One look at all replicas. @returns after how many milliseconds to look again */
  async function beat(): Promise<number> {
    const askedAt = clock.monotonic();
    let nextMs = HEARTBEAT_MS;
    let whenCommitted = () => {};
    await store.beat(owner, times, (view) => {
      const decided = parts.map((part) => ({ part, decision: decide(part, view) }));
      // At once, and also where nobody will know whether it was stored: nothing is used beyond what others can read.
      for (const { part, decision } of decided) lower(part, decision);
      const decisions = new Map(decided.map(({ part, decision }) => [part.limit.name, decision]));
      const shares = sharesOf(decisions);
      whenCommitted = () => {
        for (const { part, decision } of decided) Object.assign(part, pick(decision));
        heldUntil = askedAt + LIVE_MS;
        keptUntil = askedAt + KEEP_MS;
        told = shares;
        replicas = 1 + view.others.filter(({ isLive }) => isLive).length;
        for (const slowdown of view.slowdowns) learn(slowdown);
        nextMs = nextLookMs(view, [...decisions.values()]);
      };
      return { shares, ring: concernsOthers(told, shares) };
    });
    whenCommitted();
    for (const { limit } of parts) limit.reconsider();
    return nextMs;
  }

  function learn({ group, at, ageMs, waitMs }: Slowdown): void {
    const isNew = seenSlowdowns.get(group) !== at;
    seenSlowdowns.set(group, at);
    const known = ENDPOINT_GROUPS.find((name) => name === group);
    if (isNew && known) upstream.slowDown(known, { waitMs, isFresh: ageMs < FRESH_MS });
  }

  async function keepBeating(firstWaitMs: number): Promise<void> {
    const unsubscribe = store.onNews(() => bell.resolve());
    let failing = false;
    let waitMs = firstWaitMs;
    while (!stop.signal.aborted) {
      await waitForRing(clock, waitMs, bell.promise, stop.signal);
      // Before looking: what rings meanwhile is looked at again.
      bell = Promise.withResolvers();
      try {
        waitMs = await beat();
        failing = false;
      } catch (error) {
        waitMs = HEARTBEAT_MS;
        if (!failing) log.warn({ error }, 'cannot agree with the other replicas on who may send how much, trying on');
        failing = true;
      }
      await clock.sleep(MIN_GAP_MS, stop.signal).catch(() => {});
    }
    unsubscribe();
  }

  async function tellAll(): Promise<void> {
    for (const [group, until] of toTell) {
      toTell.delete(group);
      // Where it cannot be told, the others find out by themselves.
      await store.slowDown(group, Math.max(0, until - clock.monotonic())).catch(() => {});
    }
    telling = undefined;
  }

  for (const part of parts) {
    const { name, places } = part.limit;
    part.limit.setShare({
      allowed: () => byTime(part.allowed, part.kept),
      held: () => byTime(part.held, part.kept),
      coming: () => byTime(Math.max(part.allowed, part.coming), part.kept),
      onShort: () => {
        // Others have some, and have not been told yet.
        if (part.held < places && (told?.wants[name] ?? 0) < places) bell.resolve();
      },
    });
  }
  const beating = keepBeating(await beat());

  return {
    replicas: () => replicas,
    tellSlowDown(group, waitMs) {
      toTell.set(group, Math.max(toTell.get(group) ?? 0, clock.monotonic() + waitMs));
      telling ??= tellAll();
      return waitForRing(clock, TELLING_MS, telling);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await beating;
      await telling;
      heldUntil = keptUntil = Number.NEGATIVE_INFINITY;
      const uses = Object.fromEntries(limits.map((limit) => [limit.name, limit.used()]));
      await store.leave(owner, uses, settleMs).catch((error: unknown) => {
        log.warn({ error }, 'cannot tell the other replicas that this one stops; they will notice');
      });
    },
  };
}

function lower(part: Part, { allowed, held, kept }: Decision): void {
  part.allowed = Math.min(part.allowed, allowed);
  part.held = Math.min(part.held, held);
  part.kept = Math.min(part.kept, kept);
}

function pick({ allowed, held, kept, target }: Decision): Pick<Part, 'allowed' | 'held' | 'kept' | 'coming'> {
  return { allowed, held, kept, coming: target };
}

function nextLookMs({ nextReleaseMs = HEARTBEAT_MS }: ReplicasView, decisions: readonly Decision[]): number {
  if (decisions.some(({ held, allowed }) => held > allowed)) return GIVING_UP_MS;
  const isLacking = decisions.some(({ allowed, target, wants }) => allowed < Math.min(target, wants));
  // What runs out is looked at right after.
  return Math.min(isLacking ? LACKING_MS : HEARTBEAT_MS, nextReleaseMs + 1);
}
