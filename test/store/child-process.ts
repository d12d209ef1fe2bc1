/** Another process on the same store: a script of `children/`, talked to by lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly pid: number;
  /** The next line of its stdout; undefined once it has ended. */
  nextLine(): Promise<string | undefined>;
  /** All lines it has yet to write until it ends. */
  remainingLines(): Promise<string[]>;
  send(line: string): void;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, or the signal that ended it. Fails with its stderr when it ended otherwise than by a signal or 0. */
  ended(): Promise<number | NodeJS.Signals>;
  /** Kills it where it still runs. */
  [Symbol.asyncDispose](): Promise<void>;
}

export function startChild(script: string, ...parameters: string[]): Child {
  const path = fileURLToPath(new URL(`./children/${script}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...parameters], { stdio: ['pipe', 'pipe', 'pipe'] });
  const exit = exitOf(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  // A child that was killed no longer reads.
  child.stdin.on('error', () => {});

  const nextLine = async () => {
    const { value, done } = await lines.next();
    return done ? undefined : String(value);
  };
  return {
    pid: child.pid ?? 0,
    nextLine,
    async remainingLines() {
      const rest: string[] = [];
      for (let line = await nextLine(); line !== undefined; line = await nextLine()) rest.push(line);
      return rest;
    },
    send: (line) => void child.stdin.write(`${line}\n`),
    signal: (name) => void child.kill(name),
    async ended() {
      const how = await exit;
      if (typeof how === 'number' && how !== 0) throw new Error(`${script} ended with ${how}:\n${stderr}`);
      return how;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exit;
    },
  };
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  await once(child, 'close');
  return child.exitCode ?? child.signalCode ?? -1;
}
