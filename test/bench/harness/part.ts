/** One part of the benchmarks: a question with tables and bars for its answer. */
import type { Bar, Table } from './report.ts';

export interface Part {
  readonly name: string;
  /** Shown by `--help`. */
  readonly description: string;
  /** Left out unless it is named. */
  readonly onlyByName?: boolean;
  run(options: PartOptions): Promise<{ tables: Table[]; bars: Bar[]; notes: string[] }>;
}

export interface PartOptions {
  /** Alternating rounds of each measurement. */
  readonly rounds: number;
  /** Says what is being done, to whoever waits. */
  readonly progress: (text: string) => void;
}
