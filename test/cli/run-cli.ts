/** The command line as people and scripts start it: a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

const BIN = resolve(import.meta.dirname, '../../src/cli/bin.mjs');

export interface CliRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface RunningCli extends AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** The first line of either output, from now on, that matches; ends the test's wait with what was printed instead. */
  line(pattern: RegExp): Promise<string>;
  /** Every line of both outputs so far. */
  readonly printed: readonly string[];
  readonly exit: Promise<number | null>;
}

function start(args: readonly string[], env: Record<string, string>) {
  return spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], env: Record<string, string> = {}, stdin = ''): Promise<CliRun> {
  const child = start(args, env);
  child.stdin.end(stdin);
  const exited = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await exited;
  return { stdout, stderr, code };
}

/** Starts a command that goes on. */
export function startCli(args: readonly string[], env: Record<string, string> = {}): RunningCli {
  const child = start(args, env);
  const printed: string[] = [];
  const waiting = new Set<() => void>();
  for (const output of [child.stdout, child.stderr]) {
    createInterface(output).on('line', (line) => {
      printed.push(line);
      for (const look of waiting) look();
    });
  }
  const exit = once(child, 'close').then(([code]) => {
    for (const look of waiting) look();
    return code as number | null; // What Node gives with 'close'.
  });
  return {
    child,
    printed,
    exit,
    line(pattern) {
      return new Promise((found, failed) => {
        const look = () => {
          const line = printed.find((each) => pattern.test(each));
          if (line === undefined && child.exitCode === null) return;
          waiting.delete(look);
          if (line === undefined) failed(new Error(`It ended without ${pattern}:\n${printed.join('\n')}`));
          else found(line);
        };
        waiting.add(look);
        look();
      });
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
