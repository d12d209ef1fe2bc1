/** Numbers and lengths of time as people read them on the dashboard and in the terminal, the same in every locale. */

const wholeNumber = new Intl.NumberFormat('en');
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function whole(count: number): string {
  return wholeNumber.format(count);
}

/** At most one decimal. */
export function decimal(value: number): string {
  return oneDecimal.format(value);
}

/** In percent, with at most one decimal. Nothing is rounded away: `100 %` is said of all alone, and `0 %` of none. */
export function share(part: number, total: number): string {
  const tenths = total === 0 ? 0 : Math.round((1000 * part) / total);
  const least = part > 0 ? 1 : 0;
  const most = part < total ? 999 : 1000;
  return `${decimal(Math.min(most, Math.max(least, tenths)) / 10)} %`;
}

/** `1 batch`, `2 batches`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${whole(count)} ${count === 1 ? noun : plural}`;
}

/** In two units at most: `2 h 5 min`, `1 min 20 s`, `9 s`. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor((total % 3600) / 60), total % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}
