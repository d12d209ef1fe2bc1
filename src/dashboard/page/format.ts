/** Times, sizes and names as the page shows them. */
import type { ImportKind, TargetNameFragment } from '../../client/generated/graphql.ts';
import { decimal } from '../../client/number-text.ts';

// Not `hour12: false`: by that, some browsers begin the day at 24:00.
const clockTime = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const dayAndTime = new Intl.DateTimeFormat('en', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const inFull = new Intl.DateTimeFormat('en', { dateStyle: 'full', timeStyle: 'long', hourCycle: 'h23' });

export const timeOfDay = (time: Date): string => clockTime.format(time);

/** Of today the time of day, of this year the day with it, and else the day alone; in the time zone of who looks at it. */
export function moment(iso: string): string {
  const [time, now] = [new Date(iso), new Date()];
  if (time.toDateString() === now.toDateString()) return timeOfDay(time);
  return time.getFullYear() === now.getFullYear() ? dayAndTime.format(time) : day.format(time);
}

/** With the day of the week and the time zone. */
export function timeInFull(iso: string): string {
  return inFull.format(new Date(iso));
}

export function bytes(count: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, count === 0 ? 0 : Math.floor(Math.log10(count) / 3));
  return `${decimal(count / 1000 ** power)} ${units[power]}`;
}

export const KIND_NAMES: Readonly<Record<ImportKind, string>> = {
  OUTBOUND_CONTACTS: 'Outbound contacts',
  CONTACTS: 'Contacts',
  RECORDS: 'Consent records',
  ATTRIBUTES: 'Attributes',
  SEGMENT_MEMBERS: 'Segment members',
};

/** A thing's name, or the last part of its id where it has none. */
export function targetName(target: TargetNameFragment): string {
  const names = { listName: null, bookName: null, segmentName: null, ...target };
  return names.listName ?? names.bookName ?? names.segmentName ?? rawId(target.id);
}

/** CXone's own id, from a global one. */
export function rawId(id: string): string {
  return decodeURIComponent(id.slice(id.lastIndexOf('/') + 1));
}

/** A state or a reason as a word: `COMPLETED_WITH_FAILURES` becomes `Completed with failures`. */
export function inWords(constant: string): string {
  const words = constant.toLowerCase().replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A link of the gateway, on the address that this page came from: the policy allows no other. */
export function ownLink(link: string): string {
  const { pathname, search } = new URL(link);
  return `${pathname}${search}`;
}
