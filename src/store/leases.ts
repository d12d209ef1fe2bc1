/**
 * Leases: something at most one process does at a time, for as long as it keeps renewing. Time is the database's.
 * What a holder writes is fenced: `assertHeld` inside the writing transaction makes sure that a process that was
 * paused beyond its lease changes nothing any more.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type ExpressionBuilder, expressionBuilder } from 'kysely';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Condition, Database, Queryable, Transaction } from './database.ts';
import { isGone } from './process-owner.ts';
import type { Tables } from './tables.ts';
import { waitForRing } from './wait.ts';

/** How late a waiter notices a lease that ran out, or was released where the doorbell does not reach it. */
const POLL_MS = 250;
const FORGET_AFTER_MS = 86_400_000;
/** Two renewals may fail before the lease runs out. */
const RENEWALS_PER_LEASE = 3;

export interface Lease {
  readonly name: string;
  readonly owner: string;
  /** Higher than that of every earlier holder. */
  readonly fence: number;
  /** Whether an earlier holder never gave it back: what it did under it may be half done. */
  readonly isTakenOver: boolean;
}

/** The lease ran out or somebody else has it: what was to be written was not. */
export class LeaseLostError extends GatewayError {
  constructor() {
    // The lease's name stays out of it: it may be made of somebody's address.
    super('UNAVAILABLE', 'This was interrupted for too long, and somebody else may have taken over. Try again.');
  }
}

export interface LeaseRequest {
  leaseMs: number;
  /** Ends the waiting with its reason. */
  signal?: AbortSignal | undefined;
  /** How long to wait for the present holder; 0 for one try. */
  waitMs: number;
}

export interface Leases {
  /**
   * Takes the lease for `leaseMs` when it is free, has run out, or its owner is certainly dead; null when it is held, also
   * when by this very process.
   */
  tryAcquire(name: string, leaseMs: number): Promise<Lease | null>;
  /** @throws GatewayError UNAVAILABLE when it was still held after `waitMs`; the signal's reason */
  acquire(name: string, request: LeaseRequest): Promise<Lease>;
  /** Makes it end `leaseMs` from now. @returns false when it was lost, which renewing does not mend */
  renew(lease: Lease, leaseMs: number): Promise<boolean>;
  /** Gives it back, within the transaction `at` where that is one. Does nothing when it was lost or given back before. */
  release(lease: Lease, at?: Queryable): Promise<void>;
  /**
   * Keeps everybody else from taking the lease until `tx` ends, and nobody from renewing it or from asserting the same.
   * @throws LeaseLostError when it ran out or was overtaken
   */
  assertHeld(tx: Transaction, lease: Lease): Promise<void>;
  /** The same for a single statement, as a condition of what it changes. */
  isHeld(lease: Lease): Condition;
  /**
   * Runs `run` under the lease, which renews itself meanwhile and is released afterwards. When it is lost, the signal
   * given to `run` is aborted with LeaseLostError; in a process that was paused that may be a moment late, and
   * `currentHold` is not. One that was lost is not given back, and neither is one of which `run` says `leave`: it runs
   * out, and whoever has it next is told that it was taken over.
   * @throws what `acquire` and `run` throw
   */
  withLease<T>(
    name: string,
    request: LeaseRequest,
    run: (lease: Lease, signal: AbortSignal, leave: () => void) => Promise<T>,
  ): Promise<T>;
  /**
   * What whoever asks works under, by `withLease`: to be looked at right before something is written elsewhere than in
   * this database, where no fence protects it. Undefined where it is nothing.
   */
  currentHold(): Hold | undefined;
  /** Forgets leases that nobody gave back or took over for a day after they ran out. @returns how many */
  prune(): Promise<number>;
}

/** All leases that somebody works under, as far as the monotonic clock tells. */
export interface Hold {
  /** False once one of them may have run out while its work was not done. */
  isHeld(): boolean;
}

/** With the monotonic time just before it was asked for, from which on it may be running. */
type Held = Lease & { readonly askedAt: number };

/** A lease while somebody works under it. */
interface Tenure {
  /** As far as is known: renewing moves it. Monotonic milliseconds. */
  heldUntil: number;
  readonly lost: AbortController;
}

/** @param deps.owner as `processOwner` makes it; any other string is never taken for dead */
export function createLeases(deps: { database: Database; clock: Clock; owner: string }): Leases {
  const { database, clock, owner } = deps;
  const { db } = database;
  /** On SQLite all holders run on the machine of the database: where its power fails, no lease has a holder any more. */
  const inBrief = <T>(run: (at: Queryable) => Promise<T>): Promise<T> =>
    database.engine === 'sqlite' ? database.transaction(run, { lazily: true }) : run(db);
  const holds = new AsyncLocalStorage<Hold>();

  async function tryAcquire(name: string, leaseMs: number): Promise<Lease | null> {
    return await inBrief(
      async (at) =>
        (await takeFree(at, name, leaseMs)) ??
        (await takeExpired(at, name, leaseMs)) ??
        (await takeFromDead(at, name, leaseMs)),
    );
  }

  async function takeFree(at: Queryable, name: string, leaseMs: number): Promise<Lease | null> {
    const row = await at
      .insertInto('leases')
      // A first fence is the time in milliseconds: it rises even where an earlier row of this name was deleted.
      .values((eb) => ({ name, owner, fence: database.nowMs(), expires_at: eb(database.nowMs(), '+', leaseMs) }))
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('fence')
      .executeTakeFirst();
    return row ? { name, owner, fence: row.fence, isTakenOver: false } : null;
  }

  async function takeExpired(at: Queryable, name: string, leaseMs: number): Promise<Lease | null> {
    return await takeOver(at, name, leaseMs, ({ eb }) => eb('expires_at', '<=', database.nowMs()));
  }

  async function takeFromDead(at: Queryable, name: string, leaseMs: number): Promise<Lease | null> {
    const held = await at.selectFrom('leases').selectAll().where('name', '=', name).executeTakeFirst();
    if (!held || !isGone(held.owner, owner)) return null;
    return await takeOver(at, name, leaseMs, ({ and }) => and({ owner: held.owner, fence: held.fence }));
  }

  /** Where `isFree` once all that its holder writes under it has ended: what a holder checks by does not let go of the row. */
  async function takeOver(
    at: Queryable,
    name: string,
    leaseMs: number,
    isFree: (lease: ExpressionBuilder<Tables, 'leases'>) => Condition,
  ): Promise<Lease | null> {
    const row = await at
      .updateTable('leases')
      .set((eb) => ({ owner, fence: eb('fence', '+', 1), expires_at: eb(database.nowMs(), '+', leaseMs) }))
      .where(({ eb, selectFrom }) =>
        eb('name', '=', database.forUpdate(selectFrom('leases').select('name').where('name', '=', name).where(isFree))),
      )
      .where(isFree)
      .returning('fence')
      .executeTakeFirst();
    return row ? { name, owner, fence: row.fence, isTakenOver: true } : null;
  }

  async function acquire(name: string, { leaseMs, signal, waitMs }: LeaseRequest): Promise<Held> {
    const giveUpAt = clock.monotonic() + waitMs;
    let bell = Promise.withResolvers<void>();
    const unsubscribe = database.onDoorbell(channelOf(name), () => bell.resolve());
    try {
      for (;;) {
        signal?.throwIfAborted();
        bell = Promise.withResolvers<void>();
        const askedAt = clock.monotonic();
        const lease = await tryAcquire(name, leaseMs);
        if (lease) return { ...lease, askedAt };
        const leftMs = giveUpAt - clock.monotonic();
        if (leftMs <= 0) {
          throw new GatewayError('UNAVAILABLE', 'Somebody else is still working on this. Try again a little later.');
        }
        await waitForRing(clock, Math.min(POLL_MS, leftMs), bell.promise, signal);
      }
    } finally {
      unsubscribe();
    }
  }

  async function renew(lease: Lease, leaseMs: number): Promise<boolean> {
    return await inBrief(async (at) => {
      const { numUpdatedRows } = await at
        .updateTable('leases')
        .set((eb) => ({ expires_at: eb(database.nowMs(), '+', leaseMs) }))
        .where('name', '=', lease.name)
        .where('owner', '=', lease.owner)
        .where('fence', '=', lease.fence)
        .where('expires_at', '>', database.nowMs())
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    });
  }

  async function release(lease: Lease, at?: Queryable): Promise<void> {
    await (at ? free(at, lease) : inBrief((own) => free(own, lease)));
  }

  async function free(at: Queryable, lease: Lease): Promise<void> {
    const { numDeletedRows } = await at
      .deleteFrom('leases')
      .where('name', '=', lease.name)
      .where('owner', '=', lease.owner)
      .where('fence', '=', lease.fence)
      .executeTakeFirstOrThrow();
    if (numDeletedRows > 0n) await database.ring(at, channelOf(lease.name));
  }

  /** Renews until stopped; aborts `tenure.lost` when the lease is gone, or may be since the database does not answer. */
  async function keepRenewed(lease: Lease, leaseMs: number, stop: AbortSignal, tenure: Tenure): Promise<void> {
    for (;;) {
      await clock.sleep(leaseMs / RENEWALS_PER_LEASE, stop).catch(() => {});
      if (stop.aborted) return;
      const askedAt = clock.monotonic();
      let renewed: boolean | undefined;
      const asking = renew(lease, leaseMs).then(
        (answer) => {
          renewed = answer;
        },
        () => {},
      );
      await waitForRing(clock, Math.max(0, tenure.heldUntil - askedAt), asking, stop);
      if (stop.aborted || tenure.lost.signal.aborted) return;
      if (renewed) {
        tenure.heldUntil = askedAt + leaseMs;
      } else if (renewed === false || clock.monotonic() >= tenure.heldUntil) {
        tenure.lost.abort(new LeaseLostError());
        return;
      }
    }
  }

  /** Once lost, lost: that it can be renewed after all does not tell that nobody had it in between. */
  function holdOf(tenure: Tenure, stop: AbortSignal, outer: Hold | undefined): Hold {
    return {
      isHeld() {
        // What outlives the work under the lease is no longer bound by it.
        if (stop.aborted) return outer?.isHeld() ?? true;
        if (clock.monotonic() >= tenure.heldUntil) tenure.lost.abort(new LeaseLostError());
        return !tenure.lost.signal.aborted && (outer?.isHeld() ?? true);
      },
    };
  }

  return {
    tryAcquire,
    acquire,
    renew,
    release,
    async assertHeld(tx, lease) {
      const held = await database
        .forKeyShare(
          tx
            .selectFrom('leases')
            .select((eb) => eb('expires_at', '>', database.nowMs()).as('in_time'))
            .where('name', '=', lease.name)
            .where('owner', '=', lease.owner)
            .where('fence', '=', lease.fence),
        )
        .executeTakeFirst();
      if (!held?.in_time) throw new LeaseLostError();
    },
    isHeld: (lease) => {
      const { selectFrom, exists } = expressionBuilder<Tables>();
      return exists(
        database.forKeyShare(
          selectFrom('leases')
            .select('fence')
            .where('name', '=', lease.name)
            .where('owner', '=', lease.owner)
            .where('fence', '=', lease.fence)
            .where('expires_at', '>', database.nowMs()),
        ),
      );
    },
    async withLease(name, request, run) {
      const { askedAt, ...lease } = await acquire(name, request);
      const lost = new AbortController();
      const tenure: Tenure = { heldUntil: askedAt + request.leaseMs, lost };
      const stop = new AbortController();
      const renewing = keepRenewed(lease, request.leaseMs, stop.signal, tenure);
      let isLeft = false;
      const leave = () => {
        isLeft = true;
      };
      const { signal } = request;
      const both = signal ? AbortSignal.any([signal, lost.signal]) : lost.signal;
      try {
        return await holds.run(holdOf(tenure, stop.signal, holds.getStore()), () => run(lease, both, leave));
      } finally {
        stop.abort();
        await renewing;
        // Where the database cannot be reached the lease runs out by itself; the outcome of `run` is what counts.
        if (!isLeft && !lost.signal.aborted) await release(lease).catch(() => {});
      }
    },
    currentHold: () => holds.getStore(),
    async prune() {
      const { numDeletedRows } = await db
        .deleteFrom('leases')
        .where((eb) => eb('expires_at', '<', eb(database.nowMs(), '-', FORGET_AFTER_MS)))
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

function channelOf(name: string): string {
  return `lease:${name}`;
}
