/** CXone's pages (cxone-api.md, section 1): every form of a last page, and an end to lists that have none. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { UpstreamError } from '../errors.ts';
import type { CallContext } from './call-context.ts';
import { INTERACTIVE_DEADLINE_MS, MAX_PAGE_SIZE, MAX_PAGES } from './limits.ts';
import type { PageOf } from './page-window.ts';
import type { CxoneReply, CxoneRequest, EndpointGroup } from './request.ts';

export interface PageRequest<T> {
  group: EndpointGroup;
  path: readonly string[];
  query?: Readonly<Record<string, string | number | undefined>>;
  /** Checks and shapes each entity. */
  entity: z.ZodType<T>;
  /** 1 for the first, which is the default. */
  page?: number;
  /** 1 to 250, which is the default. */
  pageSize?: number;
  inFlight?: { key: string; max: number };
  /** Where a filter without a match may be answered 404: that is an empty page then, and no error. */
  emptyOn404?: boolean;
}

export interface Page<T> extends PageOf<T> {
  /** Of all pages, where CXone tells it. */
  total: number | undefined;
}

export interface Pages {
  page<T>(request: PageRequest<T>, call: CallContext): Promise<Page<T>>;
  /**
   * All pages from `request.page` on. Ends at the last page, and at one that begins like an earlier one (then CXone
   * does not turn pages). Without a deadline of its own, an interactive call has 9 s for all of them.
   *
   * @throws UpstreamError `badResponse` after 1000 pages, because what was read is not the whole list
   */
  pages<T>(request: PageRequest<T>, call: CallContext): AsyncGenerator<Page<T>, void, undefined>;
}

type Send = <T>(request: CxoneRequest<T, 404>, call: CallContext) => Promise<CxoneReply<T, 404>>;

export function createPages({ send, clock }: { send: Send; clock: Clock }): Pages {
  /** A schema is compiled when it is first used: one for each kind of entity, not one for each page. */
  const shapes = new WeakMap<z.ZodType, unknown>();

  function shapeOf<T>(entity: z.ZodType<T>): ReturnType<typeof pageOf<T>> {
    const known = shapes.get(entity) ?? pageOf(entity);
    shapes.set(entity, known);
    return known as ReturnType<typeof pageOf<T>>; // What is kept for an entity was made from it.
  }

  async function page<T>(request: PageRequest<T>, call: CallContext): Promise<Page<T>> {
    const { group, path, query, entity, page: number = 1, pageSize = MAX_PAGE_SIZE, inFlight, emptyOn404 } = request;
    const answer = await send(
      {
        group,
        method: 'GET',
        path,
        query: { ...query, page: number, pageSize: Math.min(pageSize, MAX_PAGE_SIZE) },
        answer: shapeOf(entity),
        ...(inFlight && { inFlight }),
        ...(emptyOn404 && { accept: [404] }),
      },
      call,
    );
    if (answer.status === 404) return { entities: [], hasMore: false, total: 0, pageSize: undefined };
    const { entities, pagination } = answer.body;
    return {
      entities: entities ?? [],
      hasMore: Boolean(entities?.length && pagination?.nextPage),
      total: pagination?.total ?? undefined,
      pageSize: pagination?.pageSize ?? undefined,
    };
  }

  return {
    page,
    async *pages(request, call) {
      const deadlineAt = call.lane.kind === 'interactive' ? clock.monotonic() + INTERACTIVE_DEADLINE_MS : undefined;
      const bounded = { ...call, deadlineAt: call.deadlineAt ?? deadlineAt };
      const seen = new Set<string>();
      const first = request.page ?? 1;
      for (let number = first; number < first + MAX_PAGES; number++) {
        const current = await page({ ...request, page: number }, bounded);
        const [head] = current.entities;
        const mark = head === undefined ? undefined : identity(head);
        if (mark !== undefined && seen.has(mark)) return;
        if (mark !== undefined) seen.add(mark);
        yield current;
        if (!current.hasMore) return;
      }
      throw new UpstreamError(`CXone gave ${MAX_PAGES} pages of a list and still names a next one.`, {
        fault: 'badResponse',
      });
    },
  };
}

/**
 * `nextPage` is a number, a text or a link (A): anything that is not empty says that there is more. A page may have
 * neither entities nor pagination, and so has an error body, even one with a 200: it must not pass for an empty list.
 */
function pageOf<T>(entity: z.ZodType<T>) {
  return z
    .looseObject({
      entities: z.array(entity).nullish(),
      pagination: z
        .object({
          total: z.number().nonnegative().nullish().catch(undefined),
          pageSize: z.int().positive().nullish().catch(undefined),
          nextPage: z.union([z.string(), z.number(), z.boolean()]).nullish().catch(undefined),
        })
        .nullish(),
    })
    .refine(
      (body) => body.entities !== undefined || body.pagination !== undefined || !ERROR_KEYS.some((key) => key in body),
      'an error body where a page was expected',
    );
}

/** Of an error body (A, cxone-api.md, section 1), and of what else goes by that name. */
const ERROR_KEYS = ['code', 'message', 'error', 'errors'];

function identity(entity: unknown): string {
  if (typeof entity === 'object' && entity !== null && 'id' in entity) return JSON.stringify(entity.id);
  return JSON.stringify(entity);
}
