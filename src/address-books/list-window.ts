/** A window on a list that CXone gives in pages, where some of what it gives is left out. */
import { MAX_PAGE_SIZE } from '../cxone/limits.ts';
import { type PageOf, readWindow } from '../cxone/page-window.ts';

/** Where in CXone's order to begin (0 is the first), and how many items at most: 1 to 250. */
export interface Window {
  readonly offset: number;
  readonly first: number;
}

export interface WindowOf<T> {
  readonly items: readonly T[];
  /** Where each item stands in CXone's order. */
  readonly offsets: readonly number[];
  /** Where to go on: behind the last item, or behind what was looked at in vain. */
  readonly nextOffset: number;
  readonly hasNextPage: boolean;
}

type ReadPage<T> = (page: number, pageSize: number) => Promise<PageOf<T>>;

/** A filter that keeps next to nothing must not read a whole list at once: after this many pages the caller decides. */
const MAX_PAGES_READ = 20;

/** The window; with `keep`, of the items it holds for. Reads on only for items, and, with `keep`, to know whether more follow. */
export async function readListWindow<T>(
  readPage: ReadPage<T>,
  window: Window,
  keep?: (item: T) => boolean,
): Promise<WindowOf<T>> {
  if (keep) return await readKept(readPage, window, keep);
  const { items, hasNextPage } = await readWindow(readPage, window);
  const offsets = items.map((_item, index) => window.offset + index);
  return { items, offsets, nextOffset: window.offset + items.length, hasNextPage };
}

async function readKept<T>(
  readPage: ReadPage<T>,
  { offset, first }: Window,
  keep: (item: T) => boolean,
): Promise<WindowOf<T>> {
  const items: T[] = [];
  const offsets: number[] = [];
  let at = offset;
  for (let pagesRead = 0; pagesRead < MAX_PAGES_READ; pagesRead++) {
    const page = Math.floor(at / MAX_PAGE_SIZE);
    const { entities, hasMore } = await readPage(page + 1, MAX_PAGE_SIZE);
    for (const item of entities.slice(at - page * MAX_PAGE_SIZE)) {
      if (keep(item)) {
        if (items.length === first) return { items, offsets, nextOffset: at, hasNextPage: true };
        items.push(item);
        offsets.push(at);
      }
      at++;
    }
    if (!hasMore) return { items, offsets, nextOffset: at, hasNextPage: false };
    at = (page + 1) * MAX_PAGE_SIZE;
  }
  return { items, offsets, nextOffset: at, hasNextPage: true };
}
