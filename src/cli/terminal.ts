/** What a command has to work with, so that it needs nothing of the process it runs in. */
import type { Readable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import type { Clock } from '../clock.ts';

/** A terminal, a pipe or a file. */
export type Output = Pick<WriteStream, 'write'> & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  /** Results: what a script reads. */
  readonly stdout: Output;
  /** Remarks and errors: what a person reads. */
  readonly stderr: Output;
  /** Aborted when the person has had enough. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
}
