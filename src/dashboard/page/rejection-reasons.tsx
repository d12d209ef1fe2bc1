/** Why rows were left out: the reasons, grouped and counted. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Client, type OperationResult, useClient } from 'urql';
import { RejectionsDocument, type RejectionsQuery } from '../../client/generated/graphql.ts';
import { counted, whole } from '../../client/number-text.ts';
import { typed } from './gateway.ts';
import { type Reason, reasonsOf } from './reasons.ts';
import type { ShownImport } from './use-imports.ts';

type Rejection = NonNullable<RejectionsQuery['import']>['rejections']['nodes'][number];

/** Four pages of 250: enough to see what is wrong with a file; the download has them all. */
const MOST_PAGES = 4;
const LEAST_GAP_MS = 2_000;

export function RejectionReasons({ shown: { id, progress } }: { shown: ShownImport }) {
  const client = useClient();
  const [rejections, setRejections] = useState<readonly Rejection[]>([]);
  const readAt = useRef(Number.NEGATIVE_INFINITY);
  const total = progress.rejected + progress.duplicates + progress.failed + progress.unknown;

  useEffect(() => {
    let isOver = false;
    const read = async () => {
      readAt.current = performance.now();
      const all = await readRejections(client, id);
      if (!isOver) setRejections(all);
    };
    const timeout = setTimeout(read, Math.max(0, readAt.current + LEAST_GAP_MS - performance.now()));
    return () => {
      isOver = true;
      clearTimeout(timeout);
    };
  }, [client, id, total]);

  if (total === 0 || rejections.length === 0) return null;
  const reasons = reasonsOf(rejections);
  return (
    <section>
      <h4>Why {counted(total, 'row was', 'rows were')} left out</h4>
      <ul class="reasons">
        {reasons.map((reason) => (
          <ReasonLine key={reason.key} reason={reason} most={reasons[0]?.count ?? 1} />
        ))}
      </ul>
      {rejections.length < total && <p class="quiet">Of the first {whole(rejections.length)}; the CSV has all.</p>}
    </section>
  );
}

function ReasonLine({ reason, most }: { reason: Reason; most: number }) {
  const { stage, field, message, count, firstRows } = reason;
  return (
    <li>
      <span class="reason-bar" aria-hidden="true">
        <span class={stage} style={{ width: `${(100 * count) / most}%` }} />
      </span>
      <b>{whole(count)}</b>
      <span>
        {field !== '' && (
          <>
            <code>{field}</code>:{' '}
          </>
        )}
        {message}
        <span class="quiet">
          {/* The dot goes where the rows go. */} ·{'\u00a0'}
          {count === 1 ? 'row' : 'rows'} {firstRows.map(whole).join(', ')}
          {count > firstRows.length && ', …'}
        </span>
      </span>
    </li>
  );
}

async function readRejections(client: Client, id: string): Promise<Rejection[]> {
  const all: Rejection[] = [];
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    // Said outright: what decides about the next page cannot be inferred from it.
    const result: OperationResult<RejectionsQuery> = await client.query(typed(RejectionsDocument), { id, after });
    const rejections = result.data?.import?.rejections;
    if (!rejections) break;
    all.push(...rejections.nodes);
    if (!rejections.pageInfo.hasNextPage) break;
    after = rejections.pageInfo.endCursor;
  }
  return all;
}
