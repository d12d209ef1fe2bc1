/** One import: where it stands, what can be done with it, and on demand all there is to know. */
import { useState } from 'preact/hooks';
import type { ImportState } from '../../client/generated/graphql.ts';
import { counted, duration, whole } from '../../client/number-text.ts';
import { inWords, KIND_NAMES, moment, targetName } from './format.ts';
import { ImportDetail } from './import-detail.tsx';
import { ImportSteering } from './import-steering.tsx';
import { Moment } from './moment.tsx';
import { ProgressBar } from './progress-bar.tsx';
import { RejectionsLink } from './rejections-link.tsx';
import type { ShownImport } from './use-imports.ts';
import { useKeptFocus } from './use-kept-focus.ts';

const TONES: Readonly<Record<ImportState, string>> = {
  AWAITING_UPLOAD: 'waiting',
  RECEIVING: 'active',
  RUNNING: 'active',
  PAUSED: 'waiting',
  CONFIRMING: 'active',
  COMPLETED: 'good',
  COMPLETED_WITH_FAILURES: 'warn',
  CANCELLED: 'waiting',
  FAILED: 'bad',
};

export function ImportCard({ shown, onChanged }: { shown: ShownImport; onChanged: () => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const footer = useKeptFocus<HTMLElement>();
  const { kind, state, target, failure, progress, finishedAt } = shown;
  const title = target ? `${KIND_NAMES[kind]} → ${targetName(target)}` : KIND_NAMES[kind];
  const label = `${title}, ${moment(shown.createdAt)}`;
  const leftOut = progress.rejected + progress.duplicates + progress.failed + progress.unknown;
  const detailId = `detail-${shown.id}`;
  return (
    <article class="card import" aria-label={label}>
      <header>
        <h3>{title}</h3>
        <span class={`badge ${TONES[state]}`}>{inWords(state)}</span>
      </header>
      <p class="quiet">
        <WhenAndWho shown={shown} />
      </p>
      {failure !== null && <p class="alert">{failure}</p>}
      {state === 'AWAITING_UPLOAD' && <p class="quiet">Its file has not come yet.</p>}
      {state === 'COMPLETED' && progress.received === 0 && <p class="quiet">It had no rows.</p>}
      {/* Where no row has come and none will, a bar has nothing to show. */}
      {state !== 'AWAITING_UPLOAD' && (progress.received > 0 || finishedAt === null) && (
        <>
          <ProgressBar shown={shown} label={`Progress of ${label}`} />
          <p class="pace">{pace(shown)}</p>
        </>
      )}
      <footer ref={footer}>
        <ImportSteering shown={shown} label={label} onChanged={onChanged} />
        {problem !== null && (
          <p class="alert" role="alert">
            {problem}
          </p>
        )}
        {leftOut > 0 && <RejectionsLink shown={shown} label={label} onProblem={setProblem} />}
        <button
          type="button"
          class="plain"
          aria-expanded={isOpen}
          aria-controls={detailId}
          onClick={() => setIsOpen(!isOpen)}
        >
          {isOpen ? 'Hide details' : 'Details'}
          <span class="visually-hidden"> of {label}</span>
        </button>
      </footer>
      <div id={detailId} hidden={!isOpen}>
        {isOpen && <ImportDetail shown={shown} />}
      </div>
    </article>
  );
}

function WhenAndWho({ shown: { createdAt, startedAt, finishedAt, createdBy } }: { shown: ShownImport }) {
  const begunAt = startedAt ?? createdAt;
  const seconds = finishedAt === null ? null : (Date.parse(finishedAt) - Date.parse(begunAt)) / 1000;
  return (
    <>
      {finishedAt === null && 'Since '}
      <Moment of={finishedAt ?? begunAt} />, by {createdBy}
      {seconds !== null && `, took ${seconds < 1 ? 'less than a second' : duration(seconds)}`}
    </>
  );
}

function pace({ state, progress }: ShownImport): string {
  const { received, rowsPerSecond, etaSeconds, batchesDone, batchesTotal } = progress;
  const parts = [counted(received, 'row')];
  if (batchesTotal > 0) parts.push(`${whole(batchesDone)} of ${counted(batchesTotal, 'batch', 'batches')}`);
  if (rowsPerSecond !== null) parts.push(`${whole(Math.round(rowsPerSecond))} rows a second`);
  if (state === 'RUNNING' && etaSeconds !== null) parts.push(`${duration(etaSeconds)} left`);
  return parts.join(' · ');
}
