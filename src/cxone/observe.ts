/** What the log and the metrics are told of every try: by group and route template, never by id, body or header. */
import type { EndpointGroup, Method } from './request.ts';
import type { Exchange, Outcome } from './step.ts';

export interface AttemptReport {
  requestId: string;
  group: EndpointGroup;
  method: Method;
  /** Ids left out: `/api/v2/segments/{id}/contacts`. */
  route: string;
  lane: 'interactive' | 'import';
  attempt: number;
  /** Undefined where no answer came. */
  status: number | undefined;
  /** Undefined where a whole answer came. */
  fault: string | undefined;
  upstreamRequestId: string | undefined;
  latencyMs: number;
}

/** What is told of a try that ended with this outcome. */
export function reportOf(exchange: Exchange, outcome: Outcome): AttemptReport {
  const { requestId, group, method, route, lane, attempt } = exchange;
  return {
    requestId,
    group,
    method,
    route,
    lane: lane.kind,
    attempt,
    status: outcome.status,
    fault: outcome.kind === 'failure' ? outcome.fault : undefined,
    upstreamRequestId: outcome.upstreamRequestId,
    latencyMs: outcome.latencyMs,
  };
}
