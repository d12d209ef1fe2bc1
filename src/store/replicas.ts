/**
 * The processes that serve from this database, and what each of them has of the limits they share. One at a time looks
 * at all of it and changes its own row, so that what all hold together is never more than there is.
 */
import { z } from 'zod';
import type { Database, Transaction } from './database.ts';
import { isGone } from './process-owner.ts';

/** Rung when somebody else should look: a replica came or went, gave something up or is short of something. */
const REPLICAS_CHANNEL = 'replicas';

/** Whole places of a limit, by the limit's name; what is not named is none. */
export type Places = Readonly<Record<string, number>>;

export interface Shares {
  /** What it could use. */
  readonly wants: Places;
  /** What nobody else has. */
  readonly holds: Places;
  /** What of that it still has when it has not been heard of for a while. */
  readonly keeps: Places;
}

export interface OtherReplica extends Shares {
  readonly owner: string;
  /** Heard of lately. */
  readonly isLive: boolean;
  /** What it has of each limit, by the time that has passed: what it holds, what it keeps, or nothing. */
  readonly has: Places;
}

export interface Slowdown {
  readonly group: string;
  /** Of the 429, epoch milliseconds by the database's clock. */
  readonly at: number;
  readonly ageMs: number;
  /** No request of the group for so long. */
  readonly waitMs: number;
}

/** What a replica sees when it is its turn to look. */
export interface ReplicasView {
  /** By the database's clock, epoch milliseconds. */
  readonly nowMs: number;
  readonly others: readonly OtherReplica[];
  readonly slowdowns: readonly Slowdown[];
  /** When one of the others will have less, milliseconds from now; undefined where none will. */
  readonly nextReleaseMs: number | undefined;
}

export interface Heartbeat {
  readonly shares: Shares;
  /** Whether the others should look at once. */
  readonly ring: boolean;
}

export interface ReplicaTimes {
  /** How long this heartbeat counts as alive, milliseconds. */
  readonly liveMs: number;
  /** How long what is held is this replica's, milliseconds from now. */
  readonly holdMs: number;
  /** How long what is kept is, milliseconds from now. */
  readonly keepMs: number;
  /** For how long what a process sent just before its end may count upstream, milliseconds. */
  readonly settleMs: number;
}

export interface ReplicaStore {
  /**
   * Renews the row of `owner` with what `decide` makes of the others', alone: nobody else decides meanwhile. `decide`
   * may be called again, and must change nothing outside.
   * @throws GatewayError UNAVAILABLE; then the row may or may not have been changed
   */
  beat(owner: string, times: ReplicaTimes, decide: (view: ReplicasView) => Heartbeat): Promise<void>;
  /** Takes `owner` off the list. What it still uses stays its own for `settleMs`. */
  leave(owner: string, uses: Places, settleMs: number): Promise<void>;
  /** How many are alive. */
  count(): Promise<number>;
  /** Tells all that `group` was answered 429, and not to send for `waitMs` (0: only to be slower). */
  slowDown(group: string, waitMs: number): Promise<void>;
  /** Calls `listener` when it is worth looking; it may be missed. @returns ends the subscription */
  onNews(listener: () => void): () => void;
}

const places = z.record(z.string(), z.number().int().min(0)).catch({});
const storedShares = z.object({ wants: places, holds: places, keeps: places });
const NO_SHARES: Shares = { wants: {}, holds: {}, keeps: {} };

export function createReplicaStore({ database }: { database: Database }): ReplicaStore {
  const { db } = database;

  async function look(tx: Transaction, owner: string, settleMs: number): Promise<ReplicasView> {
    const { now } = await tx.selectNoFrom([database.nowMs().as('now')]).executeTakeFirstOrThrow();
    const rows = await tx.selectFrom('replicas').selectAll().where('owner', '!=', owner).orderBy('owner').execute();
    const slowdowns = await tx.selectFrom('slowdowns').selectAll().execute();
    const others: OtherReplica[] = [];
    let nextReleaseAt = Number.POSITIVE_INFINITY;
    for (const row of rows) {
      // A dead one of this machine needs no waiting for, but what it sent just before still counts upstream.
      const endsAt = isGone(row.owner, owner) ? now + settleMs : Number.POSITIVE_INFINITY;
      const holdsUntil = Math.min(row.holds_until, endsAt);
      const keepsUntil = Math.min(row.keeps_until, endsAt);
      if (keepsUntil < row.keeps_until) {
        const until = { holds_until: holdsUntil, keeps_until: keepsUntil };
        await tx.updateTable('replicas').set(until).where('owner', '=', row.owner).execute();
      }
      if (keepsUntil <= now) {
        await tx.deleteFrom('replicas').where('owner', '=', row.owner).execute();
        continue;
      }
      const shares = parseShares(row.shares_json);
      const has = holdsUntil > now ? shares.holds : shares.keeps;
      others.push({ ...shares, owner: row.owner, isLive: row.expires_at > now, has });
      nextReleaseAt = Math.min(nextReleaseAt, holdsUntil > now ? holdsUntil : keepsUntil);
    }
    return {
      nowMs: now,
      others,
      slowdowns: slowdowns.map(({ endpoint_group: group, at, not_before }) => ({
        group,
        at,
        ageMs: now - at,
        waitMs: Math.max(0, not_before - now),
      })),
      nextReleaseMs: nextReleaseAt === Number.POSITIVE_INFINITY ? undefined : nextReleaseAt - now,
    };
  }

  return {
    beat: (owner, { liveMs, holdMs, keepMs, settleMs }, decide) =>
      database.transaction(async (tx) => {
        await database.serialize(tx, 'replicas');
        const view = await look(tx, owner, settleMs);
        const { shares, ring } = decide(view);
        const row = {
          expires_at: view.nowMs + liveMs,
          holds_until: view.nowMs + holdMs,
          keeps_until: view.nowMs + keepMs,
          shares_json: JSON.stringify(shares),
        };
        await tx
          .insertInto('replicas')
          .values({ owner, started_at: view.nowMs, ...row })
          .onConflict((conflict) => conflict.column('owner').doUpdateSet(row))
          .execute();
        if (ring) await database.ring(tx, REPLICAS_CHANNEL);
      }),

    leave: (owner, uses, settleMs) =>
      database.transaction(async (tx) => {
        if (Object.values(uses).every((used) => used === 0)) {
          await tx.deleteFrom('replicas').where('owner', '=', owner).execute();
        } else {
          await tx
            .updateTable('replicas')
            .set((eb) => ({
              expires_at: 0,
              holds_until: eb(database.nowMs(), '+', settleMs),
              keeps_until: eb(database.nowMs(), '+', settleMs),
              shares_json: JSON.stringify({ wants: {}, holds: uses, keeps: uses } satisfies Shares),
            }))
            .where('owner', '=', owner)
            .execute();
        }
        await database.ring(tx, REPLICAS_CHANNEL);
      }),

    async count() {
      const { count } = await db
        .selectFrom('replicas')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('expires_at', '>', database.nowMs())
        .executeTakeFirstOrThrow();
      return Number(count);
    },

    slowDown: (group, waitMs) =>
      database.transaction(async (tx) => {
        await tx
          .insertInto('slowdowns')
          .values((eb) => ({
            endpoint_group: group,
            at: database.nowMs(),
            not_before: eb(database.nowMs(), '+', Math.ceil(waitMs)),
          }))
          .onConflict((conflict) =>
            conflict.column('endpoint_group').doUpdateSet((eb) => ({
              at: eb.ref('excluded.at'),
              not_before: eb
                .case()
                .when('excluded.not_before', '>', eb.ref('slowdowns.not_before'))
                .then(eb.ref('excluded.not_before'))
                .else(eb.ref('slowdowns.not_before'))
                .end(),
            })),
          )
          .execute();
        await database.ring(tx, REPLICAS_CHANNEL);
      }),

    onNews: (listener) => database.onDoorbell(REPLICAS_CHANNEL, listener),
  };
}

/** What another version wrote, and this one cannot read, counts as nothing. */
function parseShares(json: string): Shares {
  try {
    return storedShares.catch(NO_SHARES).parse(JSON.parse(json));
  } catch {
    return NO_SHARES;
  }
}
