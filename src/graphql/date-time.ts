/** ISO 8601 in, strictly; ISO 8601 in UTC out. Inside, a time is epoch milliseconds, as in the store. */

const ISO_8601 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/**
 * Epoch milliseconds of a full ISO 8601 time with an offset, such as `2026-11-21T14:00:00.000Z`; digits beyond the
 * millisecond are cut. Undefined for anything else, for days that do not exist (30 February) included.
 */
export function parseDateTime(text: string): number | undefined {
  const match = ISO_8601.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = match;
  const fields = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = fields;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;

  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d); // Date.UTC() would read the years 0 to 99 as 1900 to 1999.
  date.setUTCHours(h, mi, s, Number(fraction.slice(0, 3).padEnd(3, '0')));
  const asRead = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
  if (asRead.some((value, index) => value !== fields[index])) return undefined;

  const offsetMs = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  return date.getTime() - (sign === '-' ? -offsetMs : offsetMs);
}

/** The time in UTC with milliseconds. @throws RangeError for what is no time */
export function formatDateTime(time: number | Date): string {
  return new Date(time).toISOString();
}
