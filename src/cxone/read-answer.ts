/**
 * From HTTP answer to outcome: strict UTF-8, JSON only. Markup from a proxy, broken text and encodings that nobody
 * asked for never get further than here.
 */
import type { Clock } from '../clock.ts';
import type { HttpAnswer } from './http.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { FailureOutcome, Outcome } from './step.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads an answer. A success must be JSON or empty; of a refusal the status counts, and a body that is not JSON is
 * undefined.
 *
 * @param missingRetryAfterMs what a 429 without a readable Retry-After means
 */
export function readAnswer(answer: HttpAnswer, missingRetryAfterMs: number | undefined, clock: Clock): Outcome {
  const { status, latencyMs } = answer;
  const upstreamRequestId = printable(answer.header('x-request-id'), 128);
  const body = readBody(answer);
  if (status >= 200 && status < 300 && body.fault !== undefined) {
    return unusable(body.fault, { status, upstreamRequestId, latencyMs });
  }
  return {
    kind: 'answer',
    status,
    body: body.json,
    etag: printable(answer.header('etag'), 1024),
    upstreamRequestId,
    retryAfterMs: status >= 400 ? readRetryAfter(answer, missingRetryAfterMs, clock) : undefined,
    latencyMs,
  };
}

function readRetryAfter(answer: HttpAnswer, missingMs: number | undefined, clock: Clock): number | undefined {
  const told = parseRetryAfter(answer.header('retry-after'), { date: answer.header('date'), now: clock.now() });
  return (told ?? (answer.status === 429 ? missingMs : undefined)) || undefined;
}

function readBody(answer: HttpAnswer): { json?: unknown; fault?: string } {
  if (answer.bytes.length === 0) return {};
  const encoding = answer.header('content-encoding')?.trim().toLowerCase();
  if (encoding && encoding !== 'identity') return { fault: 'the body is compressed, which was not asked for' };
  const type = answer.header('content-type');
  if (type !== undefined && !/^\s*(?:application\/(?:[\w.+-]+\+)?json|text\/json)\s*(?:;|$)/i.test(type)) {
    return { fault: 'the body is not declared as JSON' };
  }
  let text: string;
  try {
    text = utf8.decode(answer.bytes);
  } catch {
    return { fault: 'the body is not UTF-8' };
  }
  try {
    return { json: parseJson(text) };
  } catch {
    // The error of JSON.parse quotes the text, which may hold personal data.
    return { fault: 'the body is not JSON, or was cut' };
  }
}

/** JSON.parse without keys that a careless copy further in would turn into a prototype. */
function parseJson(text: string): unknown {
  // Written out, or with some of its letters escaped. Searching for plain text takes no time; a pattern takes long.
  const mayHaveProto = text.includes('__proto__') || (text.includes('\\u00') && /\\u00[5-7]/.test(text));
  if (!mayHaveProto) return JSON.parse(text);
  return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value));
}

function unusable(
  reason: string,
  seen: Pick<FailureOutcome, 'status' | 'upstreamRequestId' | 'latencyMs'>,
): FailureOutcome {
  return { kind: 'failure', fault: 'badResponse', reached: 'upstream', reason, ...seen };
}

/** Headers of CXone go into logs, errors and headers of ours: only short printable ASCII does. */
function printable(value: string | undefined, maxLength: number): string | undefined {
  return value !== undefined && value.length <= maxLength && /^[\x20-\x7e]+$/.test(value) ? value : undefined;
}
