/** How the way to CXone is doing, group by group. */
import type { CircuitState } from '../../client/generated/graphql.ts';
import { counted, decimal, whole } from '../../client/number-text.ts';
import { CallChart, type ChartWindow, chartWindow } from './call-chart.tsx';
import type { Health, Sample, Status } from './use-status.ts';

const GROUP_NAMES: Readonly<Record<string, string>> = {
  addressBooks: 'Address books',
  records: 'Consent records',
  outbound: 'Outbound lists',
  enrichment: 'Enrichment',
  segments: 'Segments',
};

/** CXone's group of calls, as people call it. */
export function groupName(group: string): string {
  return GROUP_NAMES[group] ?? group;
}

const CIRCUITS: Readonly<Record<CircuitState, { text: string; tone: string; meaning: string }>> = {
  CLOSED: { text: 'closed', tone: 'good', meaning: 'Calls go through.' },
  HALF_OPEN: { text: 'half open', tone: 'warn', meaning: 'One call at a time, to see whether CXone has recovered.' },
  OPEN: { text: 'open', tone: 'bad', meaning: 'Too many calls failed in a row: none are sent for a while.' },
};

export function UpstreamPanel({ health: { status, samples } }: { health: Health }) {
  const window = chartWindow(Object.values(samples)[0] ?? []);
  return (
    <section aria-labelledby="upstream-title">
      <div class="section-head">
        <h2 id="upstream-title">Calls to CXone</h2>
        <span class="quiet">
          {/* Each has counters of its own, and a share of the limits. */}
          {status !== null && status.replicas > 1 && `one of ${whole(status.replicas)} replicas, `}
          {window.name}
        </span>
      </div>
      {status === null ? (
        <p class="quiet">Asking…</p>
      ) : (
        <ul class="card groups">
          {status.upstream.map((group) => (
            <Group key={group.group} group={group} samples={samples[group.group] ?? []} window={window} />
          ))}
        </ul>
      )}
      <p class="chart-key quiet" aria-hidden="true">
        <span class="dot requests" /> calls <span class="dot retries" /> retries <span class="dot limited" /> 429s
      </p>
    </section>
  );
}

function Group(props: { group: Status['upstream'][number]; samples: readonly Sample[]; window: ChartWindow }) {
  const { group, samples, window } = props;
  const name = groupName(group.group);
  const circuit = CIRCUITS[group.circuit];
  const last = samples.at(-1);
  const rate = last ? last.requests / last.seconds : 0;
  const limit = group.limitPerSecond;
  return (
    <li class="group">
      <div class="group-head">
        <h3>{name}</h3>
        <span class={`badge ${circuit.tone}`} title={circuit.meaning}>
          circuit {circuit.text}
        </span>
      </div>
      <CallChart name={name} samples={samples} window={window} />
      <p class="pace">
        <span title="Calls a second now, of those that are let through">
          <b>{decimal(rate)}</b>
          {limit !== null && ` of ${decimal(limit)}`} a second
        </span>
        <span title="Under way">{whole(group.inFlight)} in flight</span>
        <span title="Waiting for their turn" class={group.queued > 0 ? 'warn' : ''}>
          {whole(group.queued)} queued
        </span>
        {group.retries > 0 && (
          <span title="Since the gateway started">{counted(group.retries, 'retry', 'retries')}</span>
        )}
        {group.rateLimited > 0 && (
          <span class="bad" title="Refused by CXone as too many, since the gateway started">
            {whole(group.rateLimited)} × 429
          </span>
        )}
      </p>
    </li>
  );
}
