/** Pages as cxone-api.md, section 1, describes them, in every form of a last page that it allows. */
import type { Exchange, Reply } from './exchange.ts';
import { invalid } from './refusal.ts';

/** Entities a page may hold at most (section 1). */
const MAX_PAGE_SIZE = 250;
/** What a request that names no size gets (A). */
const DEFAULT_PAGE_SIZE = 25;

export const PAGE_PARAMETERS = ['page', 'pageSize'] as const;

export interface PageSource<Entity> {
  count: () => number;
  read: (limit: number, offset: number) => Entity[];
}

/**
 * One page. Which of the allowed forms the last page takes, and whether `total` is told, follows from the path alone:
 * the same list always looks the same, and different lists differ.
 */
export function page<Entity>({ query, route, params }: Exchange, source: PageSource<Entity>): Reply {
  const number = positive(query.get('page'), 1, Number.MAX_SAFE_INTEGER, 'page');
  const size = positive(query.get('pageSize'), DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, 'pageSize');
  const total = source.count();
  const entities = source.read(size, Math.min((number - 1) * size, Number.MAX_SAFE_INTEGER));
  const form = formOf(Object.values(params).join('/') + route.path);
  const pagination: Record<string, unknown> = { page: number, pageSize: size };
  if (form % 2 === 0) pagination.total = total;

  if (entities.length === 0) {
    // Only the first page of an empty list, and the page after a full last one, end up here.
    return { status: 200, body: form % 3 === 0 ? { pagination } : { entities: [], pagination } };
  }
  const ends = number * size;
  // Some lists only find out on the next page that a full page was the last.
  const isLast = ends > total || (ends === total && form % 4 !== 0);
  if (!isLast) {
    pagination.nextPage = nextLink(query, route.path, params, number + 1);
    return { status: 200, body: { entities, pagination } };
  }
  if (form % 3 === 0) return { status: 200, body: { entities } };
  if (form % 3 === 1) pagination.nextPage = '';
  return { status: 200, body: { entities, pagination } };
}

function nextLink(query: URLSearchParams, path: string, params: Exchange['params'], number: number): string {
  const next = new URLSearchParams(query);
  next.set('page', String(number));
  return `${path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name] ?? ''))}?${next}`;
}

function positive(text: string | null, fallback: number, max: number, name: string): number {
  if (text === null) return fallback;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= max) return value;
  throw invalid([{ path: name, message: `must be a whole number from 1 to ${max}` }], 'page-bounds');
}

/** A small number that depends on nothing but the text. */
function formOf(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) sum = (sum * 31 + text.charCodeAt(index)) % 12;
  return sum;
}
