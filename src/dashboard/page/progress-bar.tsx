/** How far an import is, and what has become of its rows so far. */
import type { ProgressFragment } from '../../client/generated/graphql.ts';
import { decimal, whole } from '../../client/number-text.ts';
import { rowCounts } from './row-counts.ts';

export function ProgressBar({ progress, label }: { progress: ProgressFragment; label: string }) {
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
        aria-valuenow={Math.round(percent)}
        aria-valuetext={`${decimal(percent)} percent`}
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
          <li title="Not sent yet">
            <span class="dot pending" aria-hidden="true" />
            <b>{whole(pending)}</b> to go
          </li>
        )}
      </ul>
    </>
  );
}
