/** `status`: how the gateway and its way to CXone are doing. */
import type { GatewayClient } from '../client/gateway-client.ts';
import { GatewayStatusDocument } from '../client/generated/graphql.ts';
import { counted, decimal, share, whole } from '../client/number-text.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { table } from './text.ts';

/** @throws GatewayCallError */
export async function status(
  gateway: GatewayClient,
  { json }: { json: boolean },
  { stdout }: Terminal,
): Promise<number> {
  const { gatewayStatus } = await gateway.execute(GatewayStatusDocument, {});
  if (json) {
    stdout.write(`${JSON.stringify(gatewayStatus)}\n`);
    return EXIT.ok;
  }
  const { version, sandbox, store, replicas, importsRunning, importsWaiting, baselineCache, upstream } = gatewayStatus;
  const { entries, capacity, hits, misses } = baselineCache;
  const hitRate = hits + misses === 0 ? 'not asked yet' : `${share(hits, hits + misses)} hits`;
  const header = ['CXone', 'circuit', 'in flight', 'queued', 'requests', 'retries', '429s', 'limit/s'];
  const groups = upstream.map((group) => [
    group.group,
    group.circuit.toLowerCase().replace('_', ' '),
    whole(group.inFlight),
    whole(group.queued),
    whole(group.requests),
    whole(group.retries),
    whole(group.rateLimited),
    group.limitPerSecond === null ? 'none' : decimal(group.limitPerSecond),
  ]);
  stdout.write(
    [
      `Gateway ${version} on ${store === 'POSTGRES' ? 'Postgres' : 'SQLite'}, ${counted(replicas, 'replica')}${sandbox ? ', with the CXone sandbox' : ''}`,
      `Imports: ${whole(importsRunning)} running, ${whole(importsWaiting)} waiting`,
      `Baseline cache: ${whole(entries)} of ${whole(capacity)} entries, ${hitRate}`,
      '',
      table([header, ...groups]),
      '',
    ].join('\n'),
  );
  return EXIT.ok;
}
