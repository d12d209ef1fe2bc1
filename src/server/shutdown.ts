/** The end of the process, step by step: in order, each within its time, all of them whatever the others do. */
import type { Clock } from '../clock.ts';
import type { Log } from '../telemetry/log.ts';

export interface ShutdownStep {
  readonly name: string;
  /** Milliseconds after which the next step begins all the same. */
  readonly timeoutMs: number;
  run(): Promise<void>;
}

/**
 * A function that runs the steps in their order. Called again, it gives the same promise. Never rejects; true where
 * every step went well.
 */
export function createShutdown(
  steps: readonly ShutdownStep[],
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): () => Promise<boolean> {
  let running: Promise<boolean> | undefined;

  async function runStep({ name, timeoutMs, run }: ShutdownStep): Promise<boolean> {
    const over = new AbortController();
    try {
      const timeout = clock.sleep(timeoutMs, over.signal).then(() => 'timeout' as const);
      if ((await Promise.race([run(), timeout])) !== 'timeout') return true;
      log.warn({ step: name, timeoutMs }, 'a step of the shutdown took too long');
    } catch (error) {
      log.error({ step: name, error }, 'a step of the shutdown failed');
    } finally {
      over.abort();
    }
    return false;
  }

  async function runAll(): Promise<boolean> {
    let allWent = true;
    for (const step of steps) allWent = (await runStep(step)) && allWent;
    return allWent;
  }

  return () => {
    running ??= runAll();
    return running;
  };
}
