/** Reads `Retry-After` (RFC 9110, 10.2.3): seconds or a date. Never earlier than told, and nothing guessed from garbage. */

/** Longest that is told on, in milliseconds: a year. What is computed from it and stored stays a whole number. */
const LONGEST_MS = 365 * 24 * 3_600_000;

/** IMF-fixdate and RFC 850 as HTTP has them, and ISO 8601 as some gateways send it. */
const DATE_FORMS = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/,
];

/**
 * Milliseconds to wait from when the answer came.
 *
 * @param now the wall clock, used for a date where the answer has no `Date` of its own: measured against that, a
 *   clock of ours that is wrong makes no difference
 * @returns 0 for a time that is past; undefined where it is missing or unreadable (a negative number is)
 */
export function parseRetryAfter(
  value: string | undefined,
  { date, now }: { date: string | undefined; now: number },
): number | undefined {
  const text = value?.trim();
  if (!text) return undefined;
  if (/^\d+(?:\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), LONGEST_MS);
  const until = parseDate(text);
  if (until === undefined) return undefined;
  return Math.min(Math.max(0, until - (parseDate(date?.trim() ?? '') ?? now)), LONGEST_MS);
}

function parseDate(text: string): number | undefined {
  if (!DATE_FORMS.some((form) => form.test(text))) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
