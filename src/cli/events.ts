/** `events`: the newest imports, and with `--follow` what happens from then on. */
import type { GatewayClient } from '../client/gateway-client.ts';
import { ImportActivityDocument, type ImportNewsFragment, ImportsDocument } from '../client/generated/graphql.ts';
import { decimal, whole } from '../client/number-text.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { timeOfDay } from './text.ts';

export interface EventsOptions {
  readonly follow: boolean;
  /** Begin behind this event instead of now. */
  readonly after: string | undefined;
  readonly json: boolean;
}

const LISTED = 20;

/** @throws GatewayCallError */
export async function events(
  gateway: GatewayClient,
  { follow, after, json }: EventsOptions,
  { stdout, signal }: Terminal,
): Promise<number> {
  if (after === undefined) {
    const { imports } = await gateway.execute(ImportsDocument, { first: LISTED });
    for (const each of imports.nodes.toReversed()) {
      const { id, kind, state, createdAt, progress } = each;
      const line = `${createdAt.slice(0, 10)} ${timeOfDay(createdAt)}  ${id}  ${kind}  ${state}  ${whole(progress.received)} rows`;
      stdout.write(`${json ? JSON.stringify(each) : line}\n`);
    }
  }
  if (!follow) return EXIT.ok;
  const news = gateway.subscribe(ImportActivityDocument, { after })[Symbol.asyncIterator]();
  const interrupted = new Promise<'interrupted'>((resolve) => {
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
  for (;;) {
    const next = await Promise.race([news.next(), interrupted]);
    if (next === 'interrupted') return EXIT.interrupted;
    if (next.done) return EXIT.ok;
    const event = next.value.importActivity;
    stdout.write(`${json ? JSON.stringify(event) : eventLine(event)}\n`);
  }
}

function eventLine({ at, type, import: { id, kind }, progress, batch }: ImportNewsFragment): string {
  const done = progress.succeeded + progress.skipped + progress.failed + progress.unknown;
  const call = batch === null ? '' : `  batch ${batch.number} of ${progress.batchesTotal}`;
  return `${timeOfDay(at)}  ${id}  ${kind}  ${type}${call}  ${whole(done)} of ${whole(progress.valid)}  ${decimal(progress.percent)} %`;
}
