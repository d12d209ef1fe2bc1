/** What a replica makes of what it sees of the others: how many places of a limit are its own now, and what it tells. */
import type { Heartbeat, OtherReplica, Places, ReplicasView } from '../store/replicas.ts';
import { apportion, reserveOf } from './apportion.ts';

/** For so long a limit with fewer places than replicas that want one is one replica's, before the next has its turn. */
const TURN_MS = 3_000;

/** A limit as this replica knows it. */
export interface OwnUse {
  readonly owner: string;
  readonly name: string;
  readonly places: number;
  /** Places it uses now. */
  readonly used: number;
  /** Places it has had so far. */
  readonly held: number;
  /** Whether somebody lately had to wait for want of a place. */
  readonly isShort: boolean;
}

export interface Decision {
  /** Places it may use from now on. */
  readonly allowed: number;
  /** Places nobody else has: those, and what is still in use from before. */
  readonly held: number;
  /** Places it still has without the database. */
  readonly kept: number;
  /** Places it will have once the others have given up what they are to. */
  readonly target: number;
  readonly wants: number;
}

/** Never more than the others leave, whatever they think themselves. */
export function decideShare(own: OwnUse, { nowMs, others }: Pick<ReplicasView, 'nowMs' | 'others'>): Decision {
  const { owner, name, places, used, held } = own;
  const has = (replica: OtherReplica) => replica.has[name] ?? 0;
  const live = others.filter(({ isLive }) => isLive);
  const free = Math.max(0, places - sum(others.map(has)));
  const lost = sum(others.filter(({ isLive }) => !isLive).map(has));
  // A little more than it uses, so that it does not run short at once.
  const wants = own.isShort ? places : Math.min(places, Math.ceil(used * 1.25) + 1);
  const claims = live.map((other) => ({ owner: other.owner, wants: other.wants[name] ?? 0, holds: has(other) }));
  const parts = apportion(
    Math.max(0, places - lost),
    [...claims, { owner, wants, holds: held }],
    Math.floor(nowMs / TURN_MS),
  );
  const target = parts.get(owner) ?? 0;
  const allowed = Math.min(target, free);
  const nowHeld = Math.max(allowed, used);
  return { allowed, held: nowHeld, kept: Math.min(nowHeld, reserveOf(places, claims.length + 1)), target, wants };
}

/** What a replica tells of its decisions, by the limits' names. */
export function sharesOf(decisions: ReadonlyMap<string, Decision>): Heartbeat['shares'] {
  const byName = (of: (decision: Decision) => number): Places =>
    Object.fromEntries([...decisions].map(([name, decision]) => [name, of(decision)]));
  return { wants: byName(({ wants }) => wants), holds: byName(({ held }) => held), keeps: byName(({ kept }) => kept) };
}

/** Whether others can do something about it: take what was given up, or give up what is lacking here. */
export function concernsOthers(before: Heartbeat['shares'] | undefined, after: Heartbeat['shares']): boolean {
  if (!before) return true;
  return Object.keys(after.holds).some((name) => {
    const [held = 0, holds = 0] = [before.holds[name], after.holds[name]];
    const [wanted = 0, wants = 0] = [before.wants[name], after.wants[name]];
    return holds < held || (wants > holds && wants > wanted);
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
