/** The gateway's state, asked for every two seconds, and what its counters did over the last minutes. */
import { useEffect, useState } from 'preact/hooks';
import { useClient } from 'urql';
import { GatewayStatusDocument, type GatewayStatusQuery } from '../../client/generated/graphql.ts';
import { typed } from './gateway.ts';

export type Status = GatewayStatusQuery['gatewayStatus'];

/** What a group's counters did between two answers. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly seconds: number;
  readonly requests: number;
  readonly retries: number;
  readonly rateLimited: number;
}

export interface Health {
  readonly status: Status | null;
  /** By group, oldest first. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

const POLL_MS = 2_000;
/** How far back what is kept goes, in milliseconds. */
export const KEPT_MS = 5 * 60_000;

export function useStatus(): Health {
  const client = useClient();
  const [health, setHealth] = useState<Health>({ status: null, samples: {} });
  useEffect(() => {
    let askedAt = Date.now();
    let timeout: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const poll = async () => {
      const { data } = await client.query(typed(GatewayStatusDocument), {}).toPromise();
      if (isOver) return;
      if (data) {
        const at = Date.now();
        const seconds = (at - askedAt) / 1000;
        askedAt = at;
        setHealth((before) => withStatus(before, data.gatewayStatus, at, seconds));
      }
      timeout = setTimeout(poll, POLL_MS);
    };
    void poll();
    return () => {
      isOver = true;
      clearTimeout(timeout);
    };
  }, [client]);
  return health;
}

function withStatus({ status: before, samples }: Health, status: Status, at: number, seconds: number): Health {
  if (before === null) return { status, samples };
  const grown = status.upstream.map((now) => {
    const then = before.upstream.find(({ group }) => group === now.group);
    // Counters begin at zero again when the gateway does.
    const grownBy = (count: 'requests' | 'retries' | 'rateLimited') => Math.max(0, now[count] - (then?.[count] ?? 0));
    const sample = {
      at,
      seconds,
      requests: grownBy('requests'),
      retries: grownBy('retries'),
      rateLimited: grownBy('rateLimited'),
    };
    const kept = (samples[now.group] ?? []).filter((each) => each.at > at - KEPT_MS);
    return [now.group, [...kept, sample]] as const;
  });
  return { status, samples: Object.fromEntries(grown) };
}
