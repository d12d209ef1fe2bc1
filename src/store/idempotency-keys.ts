/**
 * Idempotency keys of our callers: what the first call with a key came to is kept and given again. Calls with one key
 * run one at a time, in whichever processes they arrive.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ConflictError, isUnavailable, OutcomeUnknownError, ValidationError } from '../errors.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Database } from './database.ts';
import { type Lease, LeaseLostError, type Leases } from './leases.ts';

const MAX_KEY_LENGTH = 255;
/** A runner that does not renew for this long is taken for dead. */
const RUN_LEASE_MS = 10_000;
/** A caller that waits for an earlier call gives up after this. */
const MAX_WAIT_MS = 60_000;

export interface IdempotentRequest {
  /** Who calls: keys of different callers never meet. */
  actor: string;
  /** What is called, as the name of the mutation. */
  operation: string;
  /** The caller's key, 1 to 255 characters. */
  key: string;
  /** All that the outcome depends on. Must be JSON-able. */
  input: unknown;
  /** How long the result is kept from its storing on. */
  ttlMs: number;
  signal?: AbortSignal | undefined;
}

export interface IdempotencyKeys {
  /**
   * Runs `execute` for the first call with this actor, operation and key, and gives its result (as JSON made it) to all
   * later ones. A call that comes while the first still runs waits for it. A runner that died leaves no result, and
   * neither does one that the database was away for, whose caller gets it all the same: the next call runs again, and is
   * told so. So does a failure, except OutcomeUnknownError, which is kept: running again could do it twice.
   *
   * @param execute gets a signal that is aborted when the caller's is, or when another process may have taken over
   * @throws ConflictError IDEMPOTENCY_KEY_REUSED when the key came with another input before; ValidationError when the
   *   key is too long or empty; GatewayError UNAVAILABLE when an earlier call still runs after a minute; what `execute`
   *   throws; OutcomeUnknownError when the result could not be stored because another process took over
   */
  run<T>(
    request: IdempotentRequest,
    execute: (signal: AbortSignal, run: IdempotentRun) => Promise<T>,
  ): Promise<{ result: T; replayed: boolean }>;
  /** As if the call had never come: the next one with its key runs. */
  forget(call: Pick<IdempotentRequest, 'actor' | 'operation' | 'key'>): Promise<void>;
  /** Forgets what is past its time. @returns how many */
  prune(): Promise<number>;
}

/** What tells a call that it may not be the first. */
export interface IdempotentRun {
  /** Of this very call (caller, key and input): what a runner that died has left can be recognised by it. */
  readonly callKey: string;
  /** An earlier runner was cut short: what is to be done may be done already. */
  readonly mayBeDone: boolean;
}

/** What a call came to. `result` is absent where `execute` returned nothing. */
const keptOutcome = z.union([
  z.object({ unknown: z.object({ message: z.string(), upstreamRequestId: z.string().optional() }) }),
  z.object({ result: z.unknown().optional() }),
]);
type KeptOutcome = z.infer<typeof keptOutcome>;

export function createIdempotencyKeys(deps: { database: Database; leases: Leases }): IdempotencyKeys {
  const { database, leases } = deps;

  async function findOutcome(key: string, inputHash: string): Promise<KeptOutcome | undefined> {
    const row = await database.db
      .selectFrom('idempotency_keys')
      .select(['input_hash', 'result_json'])
      .where('key', '=', key)
      .where('expires_at', '>', database.nowMs())
      .executeTakeFirst();
    if (!row) return undefined;
    if (row.input_hash !== inputHash) {
      throw new ConflictError(
        'IDEMPOTENCY_KEY_REUSED',
        'This idempotency key was used before, with another input. Use a new key for a new call.',
      );
    }
    return keptOutcome.parse(JSON.parse(row.result_json));
  }

  /** @throws LeaseLostError when somebody else may have run meanwhile: what they stored is not overwritten */
  async function keep(lease: Lease, row: { key: string; inputHash: string; ttlMs: number; json: string }) {
    await database.transaction(async (tx) => {
      await leases.assertHeld(tx, lease);
      await tx
        .insertInto('idempotency_keys')
        .values((eb) => ({
          key: row.key,
          input_hash: row.inputHash,
          result_json: row.json,
          expires_at: eb(database.nowMs(), '+', row.ttlMs),
        }))
        .onConflict((conflict) =>
          conflict.column('key').doUpdateSet((eb) => ({
            input_hash: eb.ref('excluded.input_hash'),
            result_json: eb.ref('excluded.result_json'),
            expires_at: eb.ref('excluded.expires_at'),
          })),
        )
        .execute();
      // Here and not afterwards: one commit less for each call.
      await leases.release(lease, tx);
    });
  }

  return {
    async run<T>(request: IdempotentRequest, execute: (signal: AbortSignal, run: IdempotentRun) => Promise<T>) {
      const { ttlMs, signal } = request;
      assertKey(request.key);
      const key = nameOf(request);
      const inputHash = sha256(canonicalJson(request.input));

      const earlier = await findOutcome(key, inputHash);
      if (earlier) return replay<T>(earlier);

      const lease = { leaseMs: RUN_LEASE_MS, waitMs: MAX_WAIT_MS, signal };
      return await leases.withLease(`idempotency:${key}`, lease, async (held, heldSignal, leave) => {
        const meanwhile = await findOutcome(key, inputHash);
        if (meanwhile) return replay<T>(meanwhile);
        const run = { callKey: sha256(key + inputHash), mayBeDone: held.isTakenOver };
        const outcome = await executeOnce(() => execute(heldSignal, run));
        const json = JSON.stringify(outcome);
        try {
          await keep(held, { key, inputHash, ttlMs, json });
        } catch (error) {
          if (error instanceof LeaseLostError) {
            throw new OutcomeUnknownError(
              'This call was paused for too long, and may have been run again. Look before sending it again.',
              undefined,
              { cause: error },
            );
          }
          // It was done all the same, and its caller has to learn of it. Whoever comes next is told that it may be done.
          leave();
          if (!isUnavailable(error)) throw error;
        }
        // From JSON like every replay, so that the first answer never holds what the others cannot.
        return { ...replay<T>(keptOutcome.parse(JSON.parse(json))), replayed: false };
      });
    },

    async forget(call) {
      await database.db.deleteFrom('idempotency_keys').where('key', '=', nameOf(call)).execute();
    },

    async prune() {
      const { numDeletedRows } = await database.db
        .deleteFrom('idempotency_keys')
        .where('expires_at', '<=', database.nowMs())
        .executeTakeFirstOrThrow();
      return Number(numDeletedRows);
    },
  };
}

async function executeOnce(execute: () => Promise<unknown>): Promise<KeptOutcome> {
  try {
    return { result: await execute() };
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) throw error;
    const { message, upstreamRequestId } = error;
    return { unknown: { message, ...(upstreamRequestId === undefined ? {} : { upstreamRequestId }) } };
  }
}

/** @throws OutcomeUnknownError where that is what the first call came to */
function replay<T>(outcome: KeptOutcome): { result: T; replayed: boolean } {
  if ('unknown' in outcome) throw new OutcomeUnknownError(outcome.unknown.message, outcome.unknown.upstreamRequestId);
  // It is what JSON made of a T: the operation and its caller's key, both in the row's key, are only used with that type.
  return { result: outcome.result as T, replayed: true };
}

function nameOf({ actor, operation, key }: Pick<IdempotentRequest, 'actor' | 'operation' | 'key'>): string {
  return sha256(JSON.stringify([actor, operation, key]));
}

function assertKey(key: string): void {
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
    throw new ValidationError([
      {
        path: ['idempotencyKey'],
        code: key.length === 0 ? 'too_small' : 'too_big',
        message: `An idempotency key has 1 to ${MAX_KEY_LENGTH} characters, not ${key.length}.`,
      },
    ]);
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
