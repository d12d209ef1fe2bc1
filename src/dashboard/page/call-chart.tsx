/** A group's calls over the last minutes: calls as an area, retries and 429s as bars in front of it. */
import { counted, whole } from '../../client/number-text.ts';
import type { Sample } from './use-status.ts';

const WIDTH = 300;
const HEIGHT = 36;
/** Below this many calls a second the chart does not grow: a single call is not a mountain. */
const LEAST_SCALE = 4;
/** Retries and 429s are to be seen, however few they are. */
const BAR_WIDTH = 3;
const LEAST_BAR_HEIGHT = 12;
const MINUTE_MS = 60_000;

/** How far back the charts go: as far as is known, in whole minutes. */
export interface ChartWindow {
  readonly ms: number;
  readonly name: string;
}

export function chartWindow(samples: readonly Sample[]): ChartWindow {
  const knownMs = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  const minutes = Math.max(1, Math.ceil(knownMs / MINUTE_MS));
  return { ms: minutes * MINUTE_MS, name: minutes === 1 ? 'last minute' : `last ${minutes} minutes` };
}

export function CallChart(props: { name: string; samples: readonly Sample[]; window: ChartWindow }) {
  const { name, samples, window } = props;
  const now = samples.at(-1)?.at ?? 0;
  const sum = (of: 'requests' | 'retries' | 'rateLimited') => samples.reduce((total, each) => total + each[of], 0);
  const scale = Math.max(LEAST_SCALE, ...samples.map(({ requests, seconds }) => requests / seconds));
  const x = (at: number) => round(WIDTH * (1 - (now - at) / window.ms));
  const y = (perSecond: number) => round((HEIGHT - 1) * (1 - Math.min(1, perSecond / scale)) + 0.5);
  const points = samples.map(({ at, requests, seconds }) => `${x(at)},${y(requests / seconds)}`);
  const area =
    samples.length > 1 ? `M${x(samples[0]?.at ?? now)},${HEIGHT} L${points.join(' ')} L${WIDTH},${HEIGHT}Z` : '';
  const bars = (of: 'retries' | 'rateLimited', tone: string) =>
    samples
      .filter((sample) => sample[of] > 0)
      .map((sample) => {
        const top = y(sample[of] / sample.seconds);
        return (
          <rect
            key={sample.at}
            class={tone}
            x={x(sample.at) - BAR_WIDTH}
            y={Math.min(top, HEIGHT - LEAST_BAR_HEIGHT)}
            width={BAR_WIDTH}
            height={HEIGHT}
          />
        );
      });
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${name}, ${window.name}: ${counted(sum('requests'), 'call')}, ${counted(sum('retries'), 'retry', 'retries')}, ${whole(sum('rateLimited'))} refused with 429`}
    >
      <path class="requests" d={area} />
      {bars('retries', 'retries')}
      {bars('rateLimited', 'limited')}
    </svg>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
