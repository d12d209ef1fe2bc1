/** What an operator wants to know at a glance: is it the sandbox, how CXone is doing, what is running. */
import type { CxoneClient, UpstreamGroupStatus } from '../cxone/client.ts';
import type { Engine } from '../store/database.ts';

export interface CacheStatus {
  entries: number;
  capacity: number;
  hits: number;
  misses: number;
}

export interface GatewayStatus {
  version: string;
  sandbox: boolean;
  store: 'SQLITE' | 'POSTGRES';
  replicas: number;
  /** Sentences; empty where all is well. */
  problems: string[];
  upstream: UpstreamGroupStatus[];
  baselineCache: CacheStatus;
  importsRunning: number;
  importsWaiting: number;
}

export interface Status {
  read(): Promise<GatewayStatus>;
}

export function createStatus(deps: {
  version: string;
  sandbox: boolean;
  engine: Engine;
  replicas: () => Promise<number>;
  cxone: Pick<CxoneClient, 'status'>;
  problems: () => string[];
  baselineCache: () => CacheStatus;
  activity: () => Promise<{ running: number; waiting: number }>;
}): Status {
  return {
    async read() {
      const [replicas, { running, waiting }] = await Promise.all([deps.replicas(), deps.activity()]);
      return {
        version: deps.version,
        sandbox: deps.sandbox,
        store: deps.engine === 'postgres' ? 'POSTGRES' : 'SQLITE',
        replicas,
        problems: deps.problems(),
        upstream: deps.cxone.status(),
        baselineCache: deps.baselineCache(),
        importsRunning: running,
        importsWaiting: waiting,
      };
    },
  };
}
