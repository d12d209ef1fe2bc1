import { expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';

test('each app counts for itself', async () => {
  const one = createMetrics();
  const two = createMetrics();
  one.operation('query', 'OK', 12);
  expect((await one.render()).text).toContain('gateway_graphql_operations_total{type="query",outcome="OK"} 1');
  expect((await two.render()).text).not.toContain('type="query",outcome="OK"');
});

test('what clients and CXone write never becomes a label', async () => {
  const metrics = createMetrics();
  metrics.operation('query', 'SOME_CODE_OF_A_CLIENT', 1);
  metrics.operation('mutation', 'RATE_LIMITED', 1);
  const { text, contentType } = await metrics.render();
  expect(contentType).toContain('text/plain');
  expect(text).toContain('outcome="OTHER"');
  expect(text).toContain('outcome="RATE_LIMITED"');
  expect(text).not.toContain('SOME_CODE_OF_A_CLIENT');
});

test('requests count by route and class of status; subscriptions have no duration', async () => {
  const metrics = createMetrics();
  metrics.httpRequest('/uploads/:importId', 201, 40);
  metrics.httpRequest('/uploads/:importId', 204, 40);
  metrics.operation('subscription', 'OK', 3_600_000);
  const { text } = await metrics.render();
  expect(text).toContain('gateway_http_requests_total{route="/uploads/:importId",status="2xx"} 2');
  expect(text).toContain('gateway_http_request_duration_seconds_sum{route="/uploads/:importId"} 0.08');
  expect(text).not.toContain('gateway_graphql_operation_duration_seconds_count{type="subscription"}');
});

test('gauges are read when they are asked for', async () => {
  const metrics = createMetrics();
  let queued = 1;
  metrics.watchUpstream(() => [{ group: 'records', inFlight: 2, queued, circuit: 'HALF_OPEN' }]);
  metrics.watchServer(() => ({ sockets: 4, subscriptions: 5, requests: 6 }));
  queued = 3;
  const { text } = await metrics.render();
  expect(text).toContain('gateway_upstream_queued{group="records"} 3');
  expect(text).toContain('gateway_upstream_in_flight{group="records"} 2');
  expect(text).toContain('gateway_upstream_circuit_open{group="records"} 0.5');
  expect(text).toContain('gateway_websockets 4');
  expect(text).toContain('gateway_subscriptions 5');
  expect(text).toContain('gateway_http_requests_running 6');
});

test('calls and rows are counted', async () => {
  const metrics = createMetrics();
  metrics.upstreamCall('records', 'ok', 20);
  metrics.importRows('OUTBOUND_CONTACTS', 'succeeded', 1000);
  const { text } = await metrics.render();
  expect(text).toContain('gateway_upstream_calls_total{group="records",outcome="ok"} 1');
  expect(text).toContain('gateway_import_rows_total{kind="OUTBOUND_CONTACTS",outcome="succeeded"} 1000');
  expect(text).toContain('nodejs_eventloop_lag_p99_seconds');
});
