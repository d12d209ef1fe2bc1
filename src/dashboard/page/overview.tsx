/** The handful of numbers that say how things are at a glance. */
import { counted, share, whole } from '../../client/number-text.ts';
import { chartWindow } from './call-chart.tsx';
import { groupName } from './upstream-panel.tsx';
import type { ShownImport } from './use-imports.ts';
import type { Health, Status } from './use-status.ts';

export function Overview({
  health: { status, samples },
  imports,
}: {
  health: Health;
  imports: readonly ShownImport[];
}) {
  const rate = imports.reduce(
    (sum, { state, progress }) => sum + (state === 'RUNNING' ? (progress.rowsPerSecond ?? 0) : 0),
    0,
  );
  const rateLimited = Object.values(samples)
    .flat()
    .reduce((sum, sample) => sum + sample.rateLimited, 0);
  const open = status?.upstream.filter(({ circuit }) => circuit !== 'CLOSED') ?? [];
  const cache = status?.baselineCache;
  const asked = cache ? cache.hits + cache.misses : 0;
  return (
    <section aria-label="At a glance">
      <dl class="overview">
        <Figure
          name="Imports running"
          value={status ? whole(status.importsRunning) : '–'}
          note={status ? `${status.importsWaiting > 0 ? whole(status.importsWaiting) : 'none'} waiting` : ''}
        />
        <Figure name="Rows a second" value={rate === 0 ? '0' : whole(Math.round(rate))} note="all imports together" />
        <Figure
          name="CXone"
          value={status === null ? '–' : open.length === 0 ? 'Healthy' : 'Held back'}
          tone={open.length > 0 ? 'bad' : undefined}
          note={status ? circuitsInWords(status.upstream) : ''}
        />
        <Figure
          name="429s"
          value={whole(rateLimited)}
          tone={rateLimited > 0 ? 'warn' : undefined}
          note={`in the ${chartWindow(Object.values(samples)[0] ?? []).name}`}
        />
        <Figure
          name="Cache hits"
          value={cache && asked > 0 ? share(cache.hits, asked) : '–'}
          note={cache ? `${counted(cache.entries, 'baseline')} kept` : ''}
        />
        <Figure
          name={status?.replicas === 1 ? 'Replica' : 'Replicas'}
          value={status ? whole(status.replicas) : '–'}
          note={status ? `on ${status.store === 'POSTGRES' ? 'Postgres' : 'SQLite'}, version ${status.version}` : ''}
        />
      </dl>
    </section>
  );
}

/** Those that hold calls back, by the names that the panel beside has for them. */
function circuitsInWords(groups: Status['upstream']): string {
  const held = groups.filter(({ circuit }) => circuit !== 'CLOSED');
  if (held.length === 0) return 'all circuits closed';
  return `circuit not closed: ${held.map(({ group }) => groupName(group)).join(', ')}`;
}

function Figure(props: { name: string; value: string; note: string; tone?: 'warn' | 'bad' | undefined }) {
  return (
    <div class={`figure ${props.tone ?? ''}`}>
      <dt>{props.name}</dt>
      <dd class="value">{props.value}</dd>
      <dd class="note">{props.note}</dd>
    </div>
  );
}
