/** When a callback that found no receipt is sent again: the schedule of Standard Webhooks, for one day. */

/** How long delivery is tried, in milliseconds (interface.md: with backoff; a day). */
export const CALLBACK_TTL_MS = 24 * 3_600_000;

/**
 * Milliseconds before the second try, the third and so on (Standard Webhooks 1.0.0, "Deliverability and reliability":
 * 5 s, 5 min, 30 min, 2 h, 5 h, 10 h …). Whatever comes after them lies beyond the day, which ends with a last try.
 */
const DELAYS_MS: readonly number[] = [5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000];

/** A clock that differs a little from the database's must not make tries chase each other at the end of the day. */
const SHORTEST_DELAY_MS = 1_000;

/** Receivers that failed together are not called together again: up to this share is added to each delay. */
const JITTER = 0.2;

export interface FailedTry {
  /** This one included. */
  attempts: number;
  /** Milliseconds since the message was stored. */
  ageMs: number;
  /** As the receiver told it, in milliseconds; undefined where it told nothing. */
  retryAfterMs: number | undefined;
  /** 0 to below 1. */
  random: number;
}

/**
 * Milliseconds until the next try. Never before what the receiver asked for, of which a day is honoured at most; else not
 * after the message's last moment, so that every message gets a try at the end of its time.
 */
export function nextTryInMs({ attempts, ageMs, retryAfterMs = 0, random }: FailedTry): number {
  const delayMs = DELAYS_MS[attempts - 1] ?? CALLBACK_TTL_MS;
  const jitteredMs = Math.round(delayMs * (1 + JITTER * random));
  const leftMs = Math.max(0, CALLBACK_TTL_MS - ageMs);
  return Math.max(SHORTEST_DELAY_MS, Math.min(jitteredMs, leftMs), Math.min(retryAfterMs, CALLBACK_TTL_MS));
}
