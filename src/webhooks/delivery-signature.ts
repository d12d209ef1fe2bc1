/**
 * Whether a delivery is CXone's and fresh, by the Standard Webhooks specification: HMAC-SHA256 over `id.timestamp.body`,
 * the body as the bytes that came.
 *
 * Not by the `standardwebhooks` package, which callbacks are signed with: its `verify` has the wall clock built in, reads
 * `0x10` and `1.5` as times, and replaces bytes that are no UTF-8 before it signs them.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How old a delivery may be, and how far ahead of our clock, in seconds (faults.md: 300 s). */
const TOLERANCE_SECONDS = 300;
/** Signatures in one header: one for each secret of a rotation; what sends more is guessing. */
const MAX_SIGNATURES = 10;

const ID = /^[!-~]{1,255}$/;
/** Whole seconds since the epoch. Anything else some parser would take for a number is malformed. */
const TIMESTAMP = /^[1-9]\d{0,11}$/;
/** 32 bytes in base64. */
const SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/;

export interface SignedHead {
  /** The `webhook-id`: the same on every repeat. */
  readonly id: string;
  readonly timestamp: string;
  readonly signatures: readonly string[];
}

/** unsigned: a header is missing or malformed. stale: too old, or too far ahead. */
export type HeadFault = 'unsigned' | 'stale';

/** The headers as far as they can be judged without the body; a fault needs no body to be read. */
export function readSignedHead(headers: IncomingHttpHeaders, nowMs: number): SignedHead | HeadFault {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signature = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return 'unsigned';
  const entries = signature.split(' ');
  const signatures = entries.flatMap((entry) => SIGNATURE.exec(entry)?.[1] ?? []);
  if (!ID.test(id) || !TIMESTAMP.test(timestamp)) return 'unsigned';
  if (signatures.length === 0 || entries.length > MAX_SIGNATURES) return 'unsigned';
  const ageSeconds = Math.floor(nowMs / 1000) - Number(timestamp);
  return Math.abs(ageSeconds) > TOLERANCE_SECONDS ? 'stale' : { id, timestamp, signatures };
}

/** @param secrets `whsec_<base64>`; several while one replaces another */
export function isSignedByAny(secrets: readonly string[], head: SignedHead, body: Uint8Array): boolean {
  let isSigned = false;
  for (const secret of secrets) {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const expected = createHmac('sha256', key).update(`${head.id}.${head.timestamp}.`).update(body).digest('base64');
    for (const signature of head.signatures) {
      // No early end: how long this takes must not tell which signature came how close.
      if (timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) isSigned = true;
    }
  }
  return isSigned;
}
