/** What every part stands on, and where each puts itself to be ended again. */
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  /** 0 to below 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whatever has a lifetime is put here as it is made, and ended in reverse order. */
  readonly parts: AsyncDisposableStack;
}
