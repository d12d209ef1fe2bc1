/** An import's progress: a bar that is drawn over itself on a terminal, a line for each event elsewhere. */
import type { ImportNewsFragment } from '../client/generated/graphql.ts';
import { counted, duration, whole } from '../client/number-text.ts';
import { percentDone } from '../client/progress-text.ts';
import type { Output } from './terminal.ts';
import { timeOfDay } from './text.ts';

export interface ProgressDisplay {
  show(event: ImportNewsFragment): void;
  /** Leaves the bar behind and goes on below it. */
  end(): void;
}

const LONGEST_BAR = 30;
/** Below this the numbers are cut instead. */
const SHORTEST_BAR = 8;
const DEFAULT_COLUMNS = 80;
/** ANSI: to the line's beginning, and clear it. */
const REDRAW = '\r\u001b[2K';

export function createProgressDisplay(output: Output): ProgressDisplay {
  let drawn = false;
  return {
    show(event) {
      if (!output.isTTY) {
        output.write(`${plainLine(event)}\n`);
        return;
      }
      const columns = output.columns ?? DEFAULT_COLUMNS;
      output.write(`${REDRAW}${barLine(event, columns - 1)}`);
      drawn = true;
    },
    end() {
      if (drawn) output.write('\n');
      drawn = false;
    },
  };
}

function barLine({ type, import: { state }, progress }: ImportNewsFragment, columns: number): string {
  const { percent, rowsPerSecond, etaSeconds } = progress;
  const isMoving = type === 'STARTED' || type === 'BATCH_FINISHED' || type === 'RESUMED';
  const parts = [
    percentDone(state, progress),
    ...(isMoving ? [] : [type.toLowerCase()]),
    ...counts(progress),
    ...(rowsPerSecond === null ? [] : [`${whole(Math.round(rowsPerSecond))}/s`]),
    ...(isMoving && etaSeconds !== null ? [`${duration(etaSeconds)} left`] : []),
  ];
  const text = parts.join('  ');
  const width = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, columns - text.length - 1));
  const filled = Math.round((Math.min(100, percent) / 100) * width);
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${text}`.slice(0, columns);
}

function plainLine({ at, type, import: { state }, progress, batch }: ImportNewsFragment): string {
  const parts = [
    timeOfDay(at),
    type,
    ...(batch === null ? [] : [`batch ${batch.number}`]),
    percentDone(state, progress),
    ...counts(progress),
  ];
  return parts.join('  ');
}

function counts(progress: ImportNewsFragment['progress']): string[] {
  const { valid, succeeded, skipped, failed, unknown, rejected, duplicates } = progress;
  const some = (count: number, name: string) => (count > 0 ? [`${whole(count)} ${name}`] : []);
  return [
    `${whole(succeeded + skipped + failed + unknown)} of ${whole(valid)}`,
    ...some(failed, 'failed'),
    ...some(unknown, 'unknown'),
    ...some(skipped, 'skipped'),
    ...some(rejected, 'rejected'),
    ...(duplicates > 0 ? [counted(duplicates, 'duplicate')] : []),
  ];
}
