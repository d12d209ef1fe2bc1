/** A measured process: started with the probe in it, known by the address it prints, asked for what it has used. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Usage {
  /** Of all its threads since it began. */
  readonly cpuMs: number;
  readonly rssMb: number;
  /** The highest since the last mark. */
  readonly peakMb: number;
  /** The longest the event loop was held up since the last mark. */
  readonly loopMaxMs: number;
}

export interface BenchProcess extends AsyncDisposable {
  /** The origin it listens on. */
  readonly url: string;
  readonly child: ChildProcess;
  usage(): Promise<Usage>;
  /** Begins a new measurement, and says where it begins. */
  mark(): Promise<Usage>;
  /** What the script itself answers to a message. Rejects where it ends instead. */
  ask(question: string): Promise<unknown>;
}

const PROBE = new URL('probe.mjs', import.meta.url).href;
const ADDRESS = /http:\/\/[\w.]+:\d+/;
const START_LIMIT_MS = 30_000;

/**
 * Starts a script and waits for the first address it prints.
 * @throws Error with what it said, where it ends before that or takes too long
 */
export async function startBenchProcess(options: {
  script: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  nodeOptions?: readonly string[];
}): Promise<BenchProcess> {
  const { script, args = [], env = {}, nodeOptions = [] } = options;
  const child = spawn(process.execPath, [...nodeOptions, '--import', PROBE, script, ...args], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exited = once(child, 'exit');
  const timeout = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
  try {
    const url = await announcedAddress(child);
    return {
      url,
      child,
      // The probe answers these with nothing else.
      usage: async () => (await ask(child, 'usage')) as Usage,
      mark: async () => (await ask(child, 'mark')) as Usage,
      ask: (question) => ask(child, question),
      async [Symbol.asyncDispose]() {
        child.kill('SIGKILL');
        await exited;
      },
    };
  } finally {
    clearTimeout(timeout);
  }
}

async function ask(child: ChildProcess, question: string): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  try {
    const answer = once(child, 'message', { signal });
    const ended = once(child, 'exit', { signal });
    child.send(question);
    const [message] = await Promise.race([
      answer,
      ended.then(() => Promise.reject(new Error('A measured process has ended.'))),
    ]);
    return message;
  } finally {
    over.abort();
  }
}

async function announcedAddress(child: ChildProcess): Promise<string> {
  if (!child.stdout || !child.stderr) throw new Error('the process has no output');
  const said: string[] = [];
  child.stderr.on('data', (chunk) => said.push(String(chunk)));
  for await (const line of createInterface(child.stdout)) {
    const [url] = ADDRESS.exec(line) ?? [];
    if (url) {
      child.stdout.resume();
      return url;
    }
    said.push(line);
  }
  throw new Error(`It did not start: ${said.join('\n').slice(-2000)}`);
}
