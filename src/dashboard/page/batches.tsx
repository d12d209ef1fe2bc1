/** The calls an import's rows travel in: one square each, and those that ended last in words. */
import type { BatchFragment, ImportBatchState } from '../../client/generated/graphql.ts';
import { counted, whole } from '../../client/number-text.ts';
import { inWords } from './format.ts';
import type { Detail } from './use-import-detail.ts';

/** How many calls are told in words. */
const TOLD = 5;

/** A call that went through, but not for all of its rows, is neither good nor bad. */
function toneOf({ state, failed }: BatchFragment): string {
  const tones: Readonly<Record<ImportBatchState, string>> = {
    PENDING: 'pending',
    RUNNING: 'running',
    DONE: failed > 0 ? 'partly' : 'succeeded',
    FAILED: 'failed',
    CANCELLED: 'duplicate',
  };
  return tones[state];
}

function inOneLine({
  number,
  state,
  size,
  succeeded,
  skipped,
  failed,
  attempts,
  latencyMs,
  error,
}: BatchFragment): string {
  const parts = [
    `Batch ${number}: ${inWords(state).toLowerCase()}`,
    `${whole(succeeded)} of ${counted(size, 'row')} succeeded`,
    ...(skipped > 0 ? [`${whole(skipped)} skipped`] : []),
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(attempts > 1 ? [counted(attempts, 'attempt')] : []),
    ...(latencyMs === null ? [] : [`${whole(Math.round(latencyMs))} ms`]),
  ];
  return `${parts.join(', ')}${error === null ? '' : `: ${error}`}`;
}

export function Batches(props: {
  batches: Detail['batches'];
  total: number;
  turnPage: { forward: (() => void) | null; back: (() => void) | null };
}) {
  const { batches, total, turnPage } = props;
  const [first] = batches.nodes;
  const last = batches.nodes.at(-1);
  if (!first || !last) return null;
  const done = batches.nodes.filter(({ state }) => state === 'DONE').length;
  const ended = batches.nodes.filter(({ state }) => state === 'DONE' || state === 'FAILED');
  return (
    <section>
      <h4>{counted(total, 'batch', 'batches')}</h4>
      <ul class="batches" aria-label={`Batches ${first.number} to ${last.number}: ${whole(done)} done`}>
        {batches.nodes.map((batch) => (
          <li key={batch.number} class={toneOf(batch)} title={inOneLine(batch)} />
        ))}
      </ul>
      {(turnPage.back || turnPage.forward) && (
        <p class="pages">
          {/* Not `disabled`: whoever turned to the last page by keyboard would lose their place. */}
          <button type="button" aria-disabled={!turnPage.back} onClick={() => turnPage.back?.()}>
            Earlier
          </button>
          {whole(first.number)}–{whole(last.number)}
          <button type="button" aria-disabled={!turnPage.forward} onClick={() => turnPage.forward?.()}>
            Later
          </button>
        </p>
      )}
      {ended.length > 0 && (
        <ol class="latest" aria-label="Batches that ended last">
          {ended
            .slice(-TOLD)
            .reverse()
            .map((batch) => (
              <li key={batch.number}>{inOneLine(batch)}</li>
            ))}
        </ol>
      )}
    </section>
  );
}
