/**
 * Decides when the batches of one bulk operation leave. Calls are what CXone counts, so a batch waits a little for
 * company: a few milliseconds for somebody alone, longer for a crowd that is known to come back.
 */
import type { Clock } from '../clock.ts';

/** From this many items waiting or under way on, or coming while others are about, callers are a crowd. */
const CROWD_ITEMS = 8;
/** Over how long those are counted who come while others are about, milliseconds. */
const CROWD_COUNT_MS = 50;
/** A crowd that is complete has gathered when nobody came for this long, milliseconds. */
const COMPLETE_QUIET_MS = 5;
/** One of which somebody is missing, when nobody came for as long as all took to come back last time, within these bounds. */
const INCOMPLETE_QUIET_MS = { least: 30, most: 250 } as const;
/** For this long after an answer those who got it are missed, milliseconds: twice what they took last time, within these bounds. */
const MISSED_MS = { least: 500, most: 1000 } as const;
/** How long a batch of a crowd waits for company, milliseconds: two of the last rounds (a call, and the way back), within these bounds. */
const CROWD_PATIENCE_MS = { least: 250, most: 2000 } as const;
/** How long a batch waits for the call to its own target that is under way, milliseconds. */
const BUSY_PATIENCE_MS = 2000;
/** While items keep coming, a batch stays open for at most this many windows. */
const LONGEST_STAY_WINDOWS = 3;
/** Time in which the process was too busy to take anybody in does not count as waiting, up to this, milliseconds. */
const BUSY_ALLOWANCE_MS = 500;
/** A timer as late as this says that it was busy, milliseconds; while a crowd gathers, it is looked for this often. */
const LATE_MS = 2;
const BUSY_CHECK_MS = 5;

/** One target of the operation: its batches leave in the order in which they were opened. */
export interface GatheringLane {
  /** Opens a batch. `leave` sends it and resolves when it was answered. */
  open(leave: () => Promise<unknown>): void;
  /** An item joined the batch that was opened last. @returns to be called when it gives up before its batch leaves */
  joined(): () => void;
}

export interface Gathering extends Disposable {
  /**
   * @param options.maxItems what one batch holds
   * @param options.concurrency batches under way at once
   * @param options.onIdle told when nothing of the lane waits or is under way any more
   */
  lane(options: { maxItems: number; concurrency: number; onIdle: () => void }): GatheringLane;
  /** Sends everything as soon as the lanes' concurrency allows, from now on. */
  hurry(): void;
}

interface Batch {
  items: number;
  /** Those who gave up keep their places: the batch is full all the same. */
  places: number;
  hasLeft: boolean;
  /** Later than it was, by `busyMs`. */
  openedAt: number;
  busyMs: number;
  readonly leave: () => Promise<unknown>;
}

interface Lane {
  readonly maxItems: number;
  readonly concurrency: number;
  readonly onIdle: () => void;
  readonly batches: Batch[];
  calls: number;
}

/**
 * A batch leaves when it is full, and otherwise:
 *
 * - while few are about: `windowMs` after the last item came, at most three windows after the first. Where a call to
 *   its target is under way, when that is answered;
 * - in a crowd, one call after another, the largest batch first, when nobody has come for a moment. It is a longer one
 *   where fewer wait than were about at the last departure: callers come back when they have their answers. Were each
 *   target served by itself, they would split between the targets into ever smaller batches.
 *
 * In any case no more than `concurrency` batches of a lane are under way.
 */
export function createGathering({ windowMs, clock }: { windowMs: number; clock: Clock }): Gathering {
  /** Those with batches that wait. */
  const lanes = new Set<Lane>();
  let waiting = 0;
  let underWay = 0;
  let calls = 0;
  let hurried = false;
  /** How many were about at the last departure. */
  let expected = 0;
  let lastJoinAt = Number.NEGATIVE_INFINITY;
  let lastAnswerAt = Number.NEGATIVE_INFINITY;
  let lastCallMs = 0;
  /** Those who were answered last: how many have not come back yet, and how long the last took who all did. */
  let missing = 0;
  let lastReturnMs = 0;
  /** Who came while others were about, in this stretch of time and in the one before. */
  let meeting = { since: Number.NEGATIVE_INFINITY, now: 0, before: 0 };
  let wake: { at: number; timer: AbortController } | undefined;

  function isCrowd(): boolean {
    return Math.max(waiting + underWay, meeting.now, meeting.before) >= CROWD_ITEMS;
  }

  function countMeeting(now: number): void {
    const age = now - meeting.since;
    if (age >= CROWD_COUNT_MS) meeting = { since: now, now: 0, before: age < 2 * CROWD_COUNT_MS ? meeting.now : 0 };
    if (waiting + underWay > 0) meeting.now++;
  }

  /** When the lane's first batch leaves if nothing happens until then; `now` or earlier: at once. */
  function dueAt(lane: Lane, now: number): number {
    const [batch] = lane.batches;
    if (!batch || lane.calls >= lane.concurrency) return Number.POSITIVE_INFINITY;
    if (hurried || batch.places >= lane.maxItems) return now;
    if (lane.calls > 0) return batch.openedAt + BUSY_PATIENCE_MS;
    if (!isCrowd()) {
      const quietAt = Math.max(batch.openedAt, lastJoinAt) + windowMs;
      return Math.min(quietAt, batch.openedAt + LONGEST_STAY_WINDOWS * windowMs);
    }
    const latest = batch.openedAt + within(CROWD_PATIENCE_MS, 2 * (lastCallMs + lastReturnMs));
    if (calls > 0) return latest;
    const isComplete = waiting >= expected || now >= lastAnswerAt + within(MISSED_MS, 2 * lastReturnMs);
    const quietMs = isComplete ? COMPLETE_QUIET_MS : within(INCOMPLETE_QUIET_MS, lastReturnMs);
    return Math.min(latest, Math.max(lastJoinAt, lastAnswerAt) + quietMs);
  }

  function depart(lane: Lane): void {
    const batch = lane.batches.shift();
    if (!batch) return;
    if (lane.batches.length === 0) lanes.delete(lane);
    batch.hasLeft = true;
    expected = waiting + underWay;
    waiting -= batch.items;
    underWay += batch.items;
    calls++;
    lane.calls++;
    const leftAt = clock.monotonic();
    const answered = () => {
      underWay -= batch.items;
      calls--;
      lane.calls--;
      lastAnswerAt = clock.monotonic();
      lastCallMs = lastAnswerAt - leftAt;
      missing = batch.items;
      serve();
      if (lane.batches.length === 0 && lane.calls === 0) lane.onIdle();
    };
    batch.leave().then(answered, answered);
  }

  /** Lets go whoever may go, and sleeps until somebody else may. */
  function serve(): void {
    for (;;) {
      const now = clock.monotonic();
      let largest: Lane | undefined;
      let earliest = Number.POSITIVE_INFINITY;
      for (const lane of lanes) {
        const at = dueAt(lane, now);
        earliest = Math.min(earliest, at);
        if (at <= now && itemsOf(lane) > itemsOf(largest)) largest = lane;
      }
      if (!largest) {
        wakeAt(waiting > 0 && calls === 0 && isCrowd() ? Math.min(earliest, now + BUSY_CHECK_MS) : earliest);
        return;
      }
      depart(largest);
    }
  }

  /** A timer that comes late says that the process was busy, most likely with those who are coming. */
  function allowFor(lateMs: number): void {
    lastJoinAt = clock.monotonic();
    for (const { batches } of lanes) {
      for (const batch of batches) {
        const allowedMs = Math.min(lateMs, BUSY_ALLOWANCE_MS - batch.busyMs);
        batch.openedAt += allowedMs;
        batch.busyMs += allowedMs;
      }
    }
  }

  function wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || (wake && wake.at <= at)) return;
    wake?.timer.abort();
    const timer = new AbortController();
    wake = { at, timer };
    clock.sleep(Math.max(0, Math.ceil(at - clock.monotonic())), timer.signal).then(
      () => {
        wake = undefined;
        const lateMs = clock.monotonic() - at;
        if (lateMs > LATE_MS) allowFor(lateMs);
        serve();
      },
      () => {}, // An earlier wake-up took its place.
    );
  }

  return {
    lane({ maxItems, concurrency, onIdle }) {
      const lane: Lane = { maxItems, concurrency, onIdle, batches: [], calls: 0 };
      return {
        open(leave) {
          lane.batches.push({ items: 0, places: 0, hasLeft: false, openedAt: clock.monotonic(), busyMs: 0, leave });
          lanes.add(lane);
        },
        joined() {
          const batch = lane.batches.at(-1);
          if (!batch) throw new Error('No batch is open.');
          const now = clock.monotonic();
          countMeeting(now);
          batch.items++;
          batch.places++;
          waiting++;
          lastJoinAt = now;
          missing--;
          if (missing === 0) lastReturnMs = now - lastAnswerAt;
          if (batch.places >= maxItems) serve();
          // Not before the present turn is over, even if it is time: who comes in it comes along.
          else wakeAt(Math.max(now, dueAt(lane, now)));
          return () => {
            if (batch.hasLeft) return;
            batch.items--;
            waiting--;
          };
        },
      };
    },
    hurry() {
      hurried = true;
      serve();
    },
    [Symbol.dispose]() {
      wake?.timer.abort();
    },
  };
}

function within({ least, most }: { least: number; most: number }, ms: number): number {
  return Math.min(Math.max(ms, least), most);
}

/** Of the batch that leaves next. One whose items all gave up counts too: it has to go away. */
function itemsOf(lane: Lane | undefined): number {
  return lane?.batches[0]?.places ?? 0;
}
