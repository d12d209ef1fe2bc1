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
  /** Asks the store, as the next two do: where it is away the rest can still be read. */
  replicas(): Promise<number>;
  importsRunning(): Promise<number>;
  importsWaiting(): Promise<number>;
  /** Sentences; empty where all is well. */
  problems: string[];
  upstream: UpstreamGroupStatus[];
  baselineCache: CacheStatus;
}

export interface Status {
  read(): GatewayStatus;
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
    read() {
      let activity: ReturnType<typeof deps.activity> | undefined;
      const askedOnce = () => {
        activity ??= deps.activity();
        return activity;
      };
      return {
        version: deps.version,
        sandbox: deps.sandbox,
        store: deps.engine === 'postgres' ? 'POSTGRES' : 'SQLITE',
        replicas: () => deps.replicas(),
        importsRunning: async () => (await askedOnce()).running,
        importsWaiting: async () => (await askedOnce()).waiting,
        problems: deps.problems(),
        upstream: deps.cxone.status(),
        baselineCache: deps.baselineCache(),
      };
    },
  };
}
