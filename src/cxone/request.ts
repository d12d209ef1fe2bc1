/** What a slice asks of CXone and what it gets back: the vocabulary of the client, without any of its machinery. */
import type { z } from 'zod';

/** Calls of one group share a rate limit, a circuit and a pause. Webhooks and campaigns belong to `enrichment`. */
export const ENDPOINT_GROUPS = ['addressBooks', 'records', 'outbound', 'enrichment', 'segments'] as const;
export type EndpointGroup = (typeof ENDPOINT_GROUPS)[number];

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface CxoneRequest<T, Accepted extends number = never> {
  group: EndpointGroup;
  method: Method;
  /** E.g. `['api', 'v2', 'segments', id]`. Each segment is checked and percent-encoded. */
  path: readonly string[];
  query?: Readonly<Record<string, string | number | undefined>>;
  /** Sent as JSON. `{ json }` alone is JSON text that is ready made. */
  body?: unknown;
  /** Whether the body goes in chunks, without its length in front, as CXone wants long lists (section 4). */
  chunked?: boolean;
  /** Printable ASCII only. */
  headers?: Readonly<Record<string, string>>;
  /** Checks and shapes the body of a 2xx answer; a body that is empty is `undefined` to it. */
  answer: z.ZodType<T>;
  /**
   * Whether a write whose answer never came (reset, timeout, 5xx) may be sent again: `always` where that is safe
   * (idempotency key, If-Match, nothing to change). `never`: it ends as OutcomeUnknownError, to be read back.
   * Default: `always` for GET, `never` for the others.
   */
  repeatable?: 'always' | 'never';
  /** At most `max` calls with this `key` are under way, e.g. `{ key: 'addressBook:7', max: 15 }`. */
  inFlight?: { key: string; max: number };
  /**
   * Statuses from 400 on that are an answer to this call and no error, e.g. 404, 409, 412. Not 401 or 5xx. A 429 that is
   * accepted is taken to speak of the thing asked for alone: the group neither pauses nor slows down for it.
   */
  accept?: readonly Accepted[];
  /** First backoff, milliseconds; default by group. */
  retryBaseMs?: number;
  /** What a 429 without a readable Retry-After means, milliseconds; default by group. */
  missingRetryAfterMs?: number;
}

type SuccessStatus = 200 | 201 | 202 | 203 | 204 | 205 | 206 | 207;

interface AnswerHead {
  etag: string | undefined;
  /** CXone's `x-request-id`: for its support, the errors and the audit. */
  upstreamRequestId: string | undefined;
  /** Above 0; what a `Retry-After` asks for, where there was one. */
  retryAfterMs: number | undefined;
  /** Of the try that was answered, from sending to the last byte. */
  latencyMs: number;
  /** Set where an earlier try of the call may have taken effect: what this one found may be of that. */
  isRepeat?: true;
}

export interface CxoneAnswer<T> extends AnswerHead {
  status: SuccessStatus;
  body: T;
}

/** An accepted refusal: `body` is what came, unchecked; undefined where it was no JSON. */
export interface CxoneRefusal<Accepted extends number> extends AnswerHead {
  status: Accepted;
  body: unknown;
}

/** Tell the two apart by `status`. */
export type CxoneReply<T, Accepted extends number> = [Accepted] extends [never]
  ? CxoneAnswer<T>
  : CxoneAnswer<T> | CxoneRefusal<Accepted>;
