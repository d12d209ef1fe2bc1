/**
 * What is counted and measured, in a Prometheus registry of its own for each app. Every label has few values, all of
 * our own choosing: nothing a client or CXone writes ever becomes one.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ERROR_TABLE } from '../errors.ts';

/** What became of a GraphQL operation: OK, CANCELLED, or the code of its first error. Codes that are not known count as OTHER. */
const OPERATION_OUTCOMES: ReadonlySet<string> = new Set([
  'OK',
  'CANCELLED',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  ...Object.keys(ERROR_TABLE),
]);

export type OperationType = 'query' | 'mutation' | 'subscription' | 'unknown';

export interface UpstreamGauges {
  readonly group: string;
  readonly inFlight: number;
  readonly queued: number;
  readonly circuit: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
}

export interface ServerGauges {
  readonly sockets: number;
  readonly subscriptions: number;
  readonly requests: number;
}

export interface Metrics {
  /** One GraphQL operation; for a subscription, when it ends. `outcome`: OK, CANCELLED or an error code. */
  operation(type: OperationType, outcome: string, durationMs: number): void;
  /** One HTTP request, by the template of its route. */
  httpRequest(route: string, status: number, durationMs: number): void;
  /** One HTTP request to CXone; `outcome` is a short word of ours, such as `ok`, `rateLimited`, `timeout`. */
  upstreamCall(group: string, outcome: string, durationMs: number): void;
  /** One delivery of CXone's webhooks; `outcome` is a short word of ours, such as `accepted`, `repeated`, `forged`. */
  webhookDelivery(outcome: string): void;
  importRows(
    kind: string,
    outcome: 'succeeded' | 'skipped' | 'failed' | 'unknown' | 'rejected' | 'duplicate',
    rows: number,
  ): void;
  /** Credentials that were refused; `reason` is a short word of ours. */
  authRefused(reason: string): void;
  /** Asked at every scrape. */
  watchUpstream(read: () => readonly UpstreamGauges[]): void;
  /** Asked at every scrape. */
  watchServer(read: () => ServerGauges): void;
  /** The registry in Prometheus' text format. */
  render(): Promise<{ contentType: string; text: string }>;
}

/** Seconds: from a cached read to the longest interactive deadline and beyond. */
const DURATION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const CIRCUIT_VALUE = { CLOSED: 0, HALF_OPEN: 0.5, OPEN: 1 } as const;

/** A registry with the process's own metrics (memory, CPU, event loop lag) and the gateway's. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const operations = new Counter({
    name: 'gateway_graphql_operations_total',
    help: 'GraphQL operations by type and outcome (OK or an error code).',
    labelNames: ['type', 'outcome'],
    registers,
  });
  const webhookDeliveries = new Counter({
    name: 'gateway_webhook_deliveries_total',
    help: 'Deliveries of CXone’s webhooks by what became of them.',
    labelNames: ['outcome'],
    registers,
  });
  const operationSeconds = new Histogram({
    name: 'gateway_graphql_operation_duration_seconds',
    help: 'Time from a GraphQL operation’s arrival to its answer; subscriptions are not in it.',
    labelNames: ['type'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const httpRequests = new Counter({
    name: 'gateway_http_requests_total',
    help: 'HTTP requests by route and class of status.',
    labelNames: ['route', 'status'],
    registers,
  });
  const httpSeconds = new Histogram({
    name: 'gateway_http_request_duration_seconds',
    help: 'Time from a request’s head to the end of its answer.',
    labelNames: ['route'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const upstreamCalls = new Counter({
    name: 'gateway_upstream_calls_total',
    help: 'HTTP requests to CXone by endpoint group and outcome.',
    labelNames: ['group', 'outcome'],
    registers,
  });
  const upstreamSeconds = new Histogram({
    name: 'gateway_upstream_call_duration_seconds',
    help: 'Time from an HTTP request to CXone to its answer, waiting before it not included.',
    labelNames: ['group'],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const authRefusals = new Counter({
    name: 'gateway_auth_refusals_total',
    help: 'Credentials that were refused, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const importRows = new Counter({
    name: 'gateway_import_rows_total',
    help: 'Rows of imports by kind and outcome.',
    labelNames: ['kind', 'outcome'],
    registers,
  });

  return {
    operation(type, outcome, durationMs) {
      operations.inc({ type, outcome: OPERATION_OUTCOMES.has(outcome) ? outcome : 'OTHER' });
      if (type !== 'subscription') operationSeconds.observe({ type }, durationMs / 1000);
    },
    httpRequest(route, status, durationMs) {
      httpRequests.inc({ route, status: `${Math.floor(status / 100)}xx` });
      httpSeconds.observe({ route }, durationMs / 1000);
    },
    upstreamCall(group, outcome, durationMs) {
      upstreamCalls.inc({ group, outcome });
      upstreamSeconds.observe({ group }, durationMs / 1000);
    },
    webhookDelivery(outcome) {
      webhookDeliveries.inc({ outcome });
    },
    importRows(kind, outcome, rows) {
      importRows.inc({ kind, outcome }, rows);
    },
    authRefused(reason) {
      authRefusals.inc({ reason });
    },
    watchUpstream(read) {
      const gauge = (name: string, help: string, value: (group: UpstreamGauges) => number) =>
        new Gauge({
          name,
          help,
          labelNames: ['group'],
          registers,
          collect() {
            for (const group of read()) this.set({ group: group.group }, value(group));
          },
        });
      gauge('gateway_upstream_in_flight', 'Requests to CXone under way.', (group) => group.inFlight);
      gauge('gateway_upstream_queued', 'Requests to CXone that wait for the rate limiter.', (group) => group.queued);
      gauge(
        'gateway_upstream_circuit_open',
        'The circuit breaker: 0 closed, 0.5 half-open, 1 open.',
        (group) => CIRCUIT_VALUE[group.circuit],
      );
    },
    watchServer(read) {
      const gauge = (name: string, help: string, value: (server: ServerGauges) => number) =>
        new Gauge({
          name,
          help,
          registers,
          collect() {
            this.set(value(read()));
          },
        });
      gauge('gateway_websockets', 'Open WebSockets.', (server) => server.sockets);
      gauge('gateway_subscriptions', 'Live subscriptions, over WebSocket and SSE.', (server) => server.subscriptions);
      gauge('gateway_http_requests_running', 'HTTP requests under way.', (server) => server.requests);
    },
    async render() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
