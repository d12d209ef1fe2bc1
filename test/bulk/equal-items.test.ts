import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Attempt, BulkOperation, BulkResult } from '../../src/bulk/bulk-operation.ts';
import { sendingEqualsOnce } from '../../src/bulk/equal-items.ts';
import { type CallContext, newUpstreamTally } from '../../src/cxone/call-context.ts';

const call: CallContext = { requestId: 'r', lane: { kind: 'interactive' }, tally: newUpstreamTally() };
const attempt: Attempt = { id: 'a', checkpoint: null };

/** Takes even numbers and refuses odd ones; answers or settles alike. */
function createEndpoint() {
  const sent: number[][] = [];
  const take = (items: readonly number[]): BulkResult => {
    sent.push([...items]);
    return {
      outcomes: items.map((item) =>
        item % 2 === 0
          ? { status: 'created' }
          : { status: 'failed', issue: { path: [], code: 'ODD', message: `${item} is odd.` } },
      ),
      upstreamRequestId: 'up',
      latencyMs: 1,
      lastTaken: { index: items.length - 1, at: 7 },
    };
  };
  const operation: BulkOperation<number> = {
    name: 'numbers',
    concurrency: 1,
    maxBatchSize: async () => 100,
    send: async (_target, items) => take(items),
    settle: async (_target, items) => ({ verdict: 'settled', result: take(items) }),
  };
  return { sent, operation: sendingEqualsOnce(operation, String) };
}

test('each item is sent once and has the outcome of its equals, whether it is answered or settled', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }), fc.boolean(), async (items, isSettled) => {
      const { sent, operation } = createEndpoint();
      const settled = isSettled ? await operation.settle('t', items, attempt, call) : undefined;
      const result = settled
        ? settled.verdict === 'settled' && settled.result
        : await operation.send('t', items, attempt, call);
      if (!result) throw new Error('It settles everything.');
      expect(sent).toEqual([[...new Set(items)]]);
      expect(result.outcomes.map(({ status }) => status)).toEqual(
        items.map((item) => (item % 2 === 0 ? 'created' : 'failed')),
      );
      expect(items[result.lastTaken?.index ?? -1]).toBe(sent[0]?.at(-1));
    }),
  );
});

test('what nothing can settle stays so', async () => {
  const { operation } = createEndpoint();
  const unknown = { verdict: 'unknown', reason: 'nobody knows' } as const;
  const doubtful = sendingEqualsOnce({ ...operation, settle: async () => unknown }, String);
  expect(await doubtful.settle('t', [1, 1], attempt, call)).toEqual(unknown);
});
