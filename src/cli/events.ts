/** `events`: the newest imports, and with `--follow` what happens from then on, to imports and to enriched contacts. */
import type { GatewayClient } from '../client/gateway-client.ts';
import {
  ContactEnrichedDocument,
  type EnrichmentNewsFragment,
  ImportActivityDocument,
  type ImportNewsFragment,
  ImportsDocument,
} from '../client/generated/graphql.ts';
import { counted, whole } from '../client/number-text.ts';
import { percentDone } from '../client/progress-text.ts';
import { EXIT } from './exit-codes.ts';
import { followEvents } from './follow-events.ts';
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
      const line = `${createdAt.slice(0, 10)} ${timeOfDay(createdAt)}  ${id}  ${kind}  ${state}  ${counted(progress.received, 'row')}`;
      stdout.write(`${json ? JSON.stringify(each) : line}\n`);
    }
  }
  if (!follow) return EXIT.ok;
  const tell = (event: object, line: string) => stdout.write(`${json ? JSON.stringify(event) : line}\n`);
  const ends = await Promise.all([
    followEvents(gateway.subscribe(ImportActivityDocument, { after }), signal, ({ importActivity }) =>
      tell(importActivity, importLine(importActivity)),
    ),
    followEvents(gateway.subscribe(ContactEnrichedDocument, { after }), signal, ({ contactEnriched }) =>
      tell(contactEnriched, enrichmentLine(contactEnriched)),
    ),
  ]);
  return ends.includes('interrupted') ? EXIT.interrupted : EXIT.ok;
}

function importLine({ at, type, import: { id, kind, state }, progress, batch }: ImportNewsFragment): string {
  const done = progress.succeeded + progress.skipped + progress.failed + progress.unknown;
  const call = batch === null ? '' : `  batch ${batch.number} of ${progress.batchesTotal}`;
  return `${timeOfDay(at)}  ${id}  ${kind}  ${type}${call}  ${whole(done)} of ${whole(progress.valid)}  ${percentDone(state, progress)}`;
}

function enrichmentLine({ occurredAt, type, contactId, contactList, attributes }: EnrichmentNewsFragment): string {
  const names = Object.keys(attributes).join(', ');
  return `${timeOfDay(occurredAt)}  ${contactList.id}  ${type}  ${contactId}  ${names}`;
}
