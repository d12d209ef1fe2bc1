/** One part of the benchmarks: a question with tables and bars for its answer. */
import type { Bar, Table } from './report.ts';

export interface Part {
  readonly name: string;
  /** Shown by `--help`. */
  readonly description: string;
  /** Left out unless it is named. */
  readonly onlyByName?: boolean;
  /** What it may take of the ten minutes: on a busy machine it makes fewer rounds instead. */
  readonly seconds: number;
  run(options: PartOptions): Promise<PartFindings>;
}

export interface PartFindings {
  readonly tables: Table[];
  readonly bars: Bar[];
  readonly notes: string[];
  /** An SVG of them. */
  readonly drawing?: string;
}

export interface PartOptions {
  /** Alternating rounds of each measurement. */
  readonly rounds: number;
  /** When it should come to its end, milliseconds of `performance.now()`. */
  readonly endsAt: number;
  /** Whether what takes long is wanted too. */
  readonly isFull: boolean;
  /** Says what is being done, to whoever waits. */
  readonly progress: (text: string) => void;
}
