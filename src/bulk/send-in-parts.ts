/** A batch in parts: no part larger than allowed, and the same thing twice never in one, because within a call there is no order. */
import { type GatewayError, OutcomeUnknownError, RateLimitedError, UpstreamError } from '../errors.ts';
import type { BulkResult, ItemOutcome } from './bulk-operation.ts';

/**
 * Sends `items` one part after another. No two of a part have the same key; almost always there is one part.
 *
 * @param options.maxItems what a part may hold; without it, any number
 * @returns an outcome for each item. Once one call has succeeded, nothing is thrown: what later calls could not deliver
 *   is `failed` (certainly not taken) or `unknown`.
 * @throws whatever the first call throws
 */
export async function sendInParts<Item>(
  items: readonly Item[],
  { keyOf, maxItems = items.length }: { keyOf: (item: Item) => string; maxItems?: number },
  send: (items: readonly Item[]) => Promise<BulkResult>,
): Promise<BulkResult> {
  const waves = distinctWaves(items, keyOf).flatMap((wave) => cut(wave, maxItems));
  if (waves.length === 1) return await send(items);
  const outcomes = new Array<ItemOutcome>(items.length);
  let latencyMs = 0;
  let upstreamRequestId: string | undefined;
  const discrepancies: string[] = [];
  for (const [number, wave] of waves.entries()) {
    const place = (index: number) => wave[index] as number; // One for each of the wave's items.
    try {
      const result = await send(wave.map((index) => items[index] as Item));
      latencyMs += result.latencyMs;
      upstreamRequestId = result.upstreamRequestId ?? upstreamRequestId;
      if (result.discrepancy !== undefined) discrepancies.push(result.discrepancy);
      result.outcomes.forEach((outcome, index) => {
        outcomes[place(index)] = outcome;
      });
    } catch (error) {
      if (number === 0 || !isOutcome(error)) throw error;
      for (const index of wave) outcomes[index] = outcomeOf(error);
    }
  }
  const discrepancy = discrepancies.length > 0 ? discrepancies.join('; ') : undefined;
  return { outcomes, latencyMs, upstreamRequestId, discrepancy };
}

/** The items' indexes: the first of each key, then the second of each, and so on. */
function distinctWaves<Item>(items: readonly Item[], keyOf: (item: Item) => string): number[][] {
  const seen = new Map<string, number>();
  const waves: number[][] = [];
  items.forEach((item, index) => {
    const key = keyOf(item);
    const wave = seen.get(key) ?? 0;
    seen.set(key, wave + 1);
    const indexes = waves[wave];
    if (indexes) indexes.push(index);
    else waves[wave] = [index];
  });
  return waves;
}

function cut(wave: readonly number[], maxItems: number): number[][] {
  const parts: number[][] = [];
  for (let start = 0; start < wave.length; start += maxItems) parts.push(wave.slice(start, start + maxItems));
  return parts;
}

/** Whether an error says what became of the items of a call, rather than that something of ours is broken. */
export function isOutcome(error: unknown): error is GatewayError {
  return error instanceof UpstreamError || error instanceof RateLimitedError || error instanceof OutcomeUnknownError;
}

/** What became of the items of a call that ended with this error. */
export function outcomeOf(error: GatewayError): ItemOutcome {
  const issue = { path: [], code: error.code, message: error.message };
  return { status: error instanceof OutcomeUnknownError ? 'unknown' : 'failed', issue };
}
