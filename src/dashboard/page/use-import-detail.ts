/** What is read of an import while its details are shown: again when something happened, but not more often than once a second. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useClient } from 'urql';
import { ImportDetailDocument, type ImportDetailQuery } from '../../client/generated/graphql.ts';
import { messageOf, typed } from './gateway.ts';
import type { ShownImport } from './use-imports.ts';

export type Detail = NonNullable<ImportDetailQuery['import']>;

const LEAST_GAP_MS = 1_000;

export function useImportDetail({ id, asOf }: ShownImport) {
  const client = useClient();
  const [detail, setDetail] = useState<Detail | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  /** Where the shown page of batches begins, and before it those that were shown before. */
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  const readAt = useRef(Number.NEGATIVE_INFINITY);
  /** Until somebody turns the pages, they turn with the work. */
  const isFollowing = useRef(true);
  const afterBatch = cursors.at(-1) ?? null;

  // `asOf` is what says that there is something new.
  useEffect(() => {
    let isOver = false;
    const read = async () => {
      readAt.current = performance.now();
      const { data, error } = await client.query(typed(ImportDetailDocument), { id, afterBatch }).toPromise();
      if (isOver) return;
      setProblem(error ? messageOf(error) : null);
      if (!data?.import) return;
      setDetail(data.import);
      const next = nextPage(data.import);
      if (isFollowing.current && next !== null && isWorkBehind(data.import)) setCursors((before) => [...before, next]);
    };
    const timeout = setTimeout(read, Math.max(0, readAt.current + LEAST_GAP_MS - performance.now()));
    return () => {
      isOver = true;
      clearTimeout(timeout);
    };
  }, [client, id, asOf, afterBatch]);

  const next = detail === null ? null : nextPage(detail);
  const turn = (to: readonly (string | null)[]) => {
    isFollowing.current = false;
    readAt.current = Number.NEGATIVE_INFINITY;
    setCursors(to);
  };
  return {
    detail,
    problem,
    turnPage: {
      forward: next === null ? null : () => turn([...cursors, next]),
      back: cursors.length === 1 ? null : () => turn(cursors.slice(0, -1)),
    },
  };
}

function nextPage({ batches: { pageInfo } }: Detail): string | null {
  return pageInfo.hasNextPage ? pageInfo.endCursor : null;
}

/** Whether all calls of the page have ended, while those of later pages go on. */
function isWorkBehind({ state, batches }: Detail): boolean {
  return state === 'RUNNING' && batches.nodes.every((batch) => batch.state !== 'PENDING' && batch.state !== 'RUNNING');
}
