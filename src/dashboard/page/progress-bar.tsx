/** How far an import is, and what has become of its rows so far. */
import { whole } from '../../client/number-text.ts';
import { percentDone } from '../../client/progress-text.ts';
import { rowCounts } from './row-counts.ts';
import type { ShownImport } from './use-imports.ts';

export function ProgressBar({ shown, label }: { shown: ShownImport; label: string }) {
  const { state, progress, finishedAt } = shown;
  const counts = rowCounts(progress).filter(({ count }) => count > 0);
  const { received, pending, percent } = progress;
  return (
    <>
      <div
        class="bar"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(percent)}
        aria-valuetext={percentDone(state, progress)}
      >
        {counts.map(({ tone, count }) => (
          <span key={tone} class={tone} style={{ flexGrow: count }} />
        ))}
        {(pending > 0 || received === 0) && <span class="pending" style={{ flexGrow: Math.max(pending, 1) }} />}
      </div>
      <ul class="legend">
        {counts.map(({ tone, name, meaning, count }) => (
          <li key={tone} title={meaning}>
            <span class={`dot ${tone}`} aria-hidden="true" />
            <b>{whole(count)}</b> {name}
          </li>
        ))}
        {pending > 0 && (
          <li title={finishedAt === null ? 'Not sent yet' : 'Valid, and not sent to CXone'}>
            <span class="dot pending" aria-hidden="true" />
            <b>{whole(pending)}</b> {finishedAt === null ? 'to go' : 'not sent'}
          </li>
        )}
      </ul>
    </>
  );
}
