/**
 * The gateway's state, asked for every two seconds, and what its counters did over the last minutes. They are those of one
 * gateway, where there are several: of the one that the page is connected to.
 */
import { useEffect, useState } from 'preact/hooks';
import { GatewayStatusDocument, type GatewayStatusQuery } from '../../client/generated/graphql.ts';
import { useGateway } from './gateway.ts';

export type Status = GatewayStatusQuery['gatewayStatus'];

/** What a group's counters did between two answers. */
export interface Sample {
  /** Milliseconds of this page's life. */
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
const KEPT_MS = 5 * 60_000;

export function useStatus(isLive: boolean): Health {
  const gateway = useGateway();
  const [health, setHealth] = useState<Health>({ status: null, samples: {} });
  useEffect(() => {
    if (!isLive) return;
    // A new connection may lead to another gateway, with counters of its own.
    let before: Reading | null = null;
    let timeout: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const poll = async () => {
      const answer = await gateway.ask(GatewayStatusDocument).catch(() => null);
      if (isOver) return;
      if (answer) {
        const now = { status: answer.gatewayStatus, at: performance.now() };
        const then = before;
        setHealth(({ samples }) => ({ status: now.status, samples: then ? withSamples(samples, then, now) : samples }));
        before = now;
      }
      timeout = setTimeout(poll, POLL_MS);
    };
    void poll();
    return () => {
      isOver = true;
      clearTimeout(timeout);
    };
  }, [gateway, isLive]);
  return health;
}

interface Reading {
  readonly status: Status;
  readonly at: number;
}

function withSamples(samples: Health['samples'], before: Reading, { status, at }: Reading): Health['samples'] {
  const grown = status.upstream.map((now) => {
    const then = before.status.upstream.find(({ group }) => group === now.group);
    const grownBy = (count: 'requests' | 'retries' | 'rateLimited') => Math.max(0, now[count] - (then?.[count] ?? 0));
    const sample = {
      at,
      seconds: (at - before.at) / 1000,
      requests: grownBy('requests'),
      retries: grownBy('retries'),
      rateLimited: grownBy('rateLimited'),
    };
    const kept = (samples[now.group] ?? []).filter((each) => each.at > at - KEPT_MS);
    return [now.group, [...kept, sample]] as const;
  });
  return Object.fromEntries(grown);
}
