/** Any `first` items from any place of a list that CXone only gives in pages. */
import { MAX_PAGE_SIZE } from './limits.ts';

export interface PageOf<T> {
  entities: T[];
  hasMore: boolean;
}

/**
 * The items from `offset` (0 is the first) to `offset + first`. Takes the one page that holds them all wherever there
 * is one of at most 250, else two; never reads on only to know whether more follow.
 *
 * @param first 1 to 250
 */
export async function readWindow<T>(
  readPage: (page: number, pageSize: number) => Promise<PageOf<T>>,
  { offset, first }: { offset: number; first: number },
): Promise<{ items: T[]; hasNextPage: boolean }> {
  const end = offset + first;
  for (let pageSize = first; pageSize <= MAX_PAGE_SIZE; pageSize += 1) {
    const index = Math.floor(offset / pageSize);
    if (end > (index + 1) * pageSize) continue;
    const { entities, hasMore } = await readPage(index + 1, pageSize);
    const start = offset - index * pageSize;
    return { items: entities.slice(start, start + first), hasNextPage: hasMore || entities.length > start + first };
  }
  const index = Math.floor(offset / first);
  const start = offset - index * first;
  const head = await readPage(index + 1, first);
  if (!head.hasMore) return { items: head.entities.slice(start), hasNextPage: false };
  const tail = await readPage(index + 2, first);
  const items = [...head.entities.slice(start), ...tail.entities.slice(0, start)];
  return { items, hasNextPage: tail.hasMore || tail.entities.length > start };
}
