/** Any `first` items from any place of a list that CXone only gives in pages. */
import { MAX_PAGE_SIZE } from './limits.ts';

export interface PageOf<T> {
  entities: T[];
  /** Whether CXone says that there is another page. */
  hasMore: boolean;
  /** As CXone states it, which may be less than it was asked for; undefined where it does not. */
  pageSize: number | undefined;
}

/** Where in the list to begin (0 is the first), and how many items at most: 1 to 250. */
interface Window {
  readonly offset: number;
  readonly first: number;
}

/**
 * The items from `offset` to `offset + first`. Takes the one page that holds them all wherever there is one of at most
 * 250, else two; never reads on only to know whether more follow. Where CXone's pages are smaller than asked for, it
 * takes as many of those as the window needs.
 */
export async function readWindow<T>(
  readPage: (page: number, pageSize: number) => Promise<PageOf<T>>,
  window: Window,
): Promise<{ items: T[]; hasNextPage: boolean }> {
  const { offset, first } = window;
  const asked = pageSizeFor(window);
  const askedIndex = Math.floor(offset / asked);
  let page = await readPage(askedIndex + 1, asked);
  // Its places in the list go by the size that pages really have.
  const pageSize = realPageSize(page, asked);
  let index = Math.floor(offset / pageSize);
  if (index !== askedIndex) page = await readPage(index + 1, pageSize);
  const items: T[] = [];
  for (let start = offset - index * pageSize; ; start = 0) {
    const end = start + first - items.length;
    items.push(...page.entities.slice(start, end));
    if (!page.hasMore || items.length === first) {
      return { items, hasNextPage: page.hasMore || page.entities.length > end };
    }
    index++;
    page = await readPage(index + 1, pageSize);
  }
}

/** The smallest page that holds the whole window; where none does, one as large as the window: two of them hold it. */
function pageSizeFor({ offset, first }: Window): number {
  for (let pageSize = first; pageSize <= MAX_PAGE_SIZE; pageSize += 1) {
    if (offset + first <= (Math.floor(offset / pageSize) + 1) * pageSize) return pageSize;
  }
  return first;
}

/** Where CXone does not state it, a page that is not the last tells by how much it holds. */
function realPageSize<T>({ entities, hasMore, pageSize }: PageOf<T>, asked: number): number {
  return Math.min(asked, pageSize ?? (hasMore ? entities.length : asked));
}
