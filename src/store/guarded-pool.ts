/**
 * The connections to Postgres as Kysely sees them: what fails because the server is away is told apart from what fails
 * because of the query, and statements that come again and again are prepared.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresClient, PostgresPool } from 'kysely';
import pg from 'pg';
import { GatewayError } from '../errors.ts';
import type { PreparedStatements } from './prepared-statements.ts';

/** Saying goodbye takes no longer, milliseconds. */
export const CLOSE_TIMEOUT_MS = 2_000;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SERIALIZATION_FAILURE = '40001';
const DEADLOCK_DETECTED = '40P01';
const FEATURE_NOT_SUPPORTED = '0A000';
const IN_FAILED_TRANSACTION = '25P02';
/**
 * 08 connection, 53 out of resources, 57 operator intervention (shutdown, starting up, statement timeout), 58 system;
 * 25P03 idle in transaction timeout, 25006 a standby, 55P03 lock timeout.
 */
const UNAVAILABLE_STATES = /^(?:08|53|57|58)|^(?:25P03|25006|55P03)$/;

/**
 * The pool as Kysely sees it: failures of the connection become UNAVAILABLE, and a connection that had one is
 * never used again, as its answers could belong to somebody else's query.
 * @param prepared without it, every statement is planned anew
 */
export function guardedPool(pool: pg.Pool, prepared?: PreparedStatements): PostgresPool {
  // From its first moment on: the server may end it in the same breath, before whoever asked for it has it. Without a
  // listener that would end the process; with this one the first query on it fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    options: pool.options,
    end: () => atMost(CLOSE_TIMEOUT_MS, pool.end()),
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw unavailable(error) ?? error;
      });
      let broken: GatewayError | undefined;
      // A connection in use has no other listener; the query that runs on it, if any, is told by its own rejection.
      const onError = (error: Error) => {
        broken ??= unavailable(error);
      };
      client.on('error', onError);
      const query = async (text: string, parameters: ReadonlyArray<unknown>): Promise<unknown> => {
        if (broken) throw broken;
        const values = parameters.map(storable);
        try {
          return await run(client, { text, values, name: prepared?.nameOf(text) }, () => prepared?.renew());
        } catch (error) {
          const failure = unavailable(error);
          if (failure && !isStatementOnly(error)) broken = failure;
          throw failure ?? error;
        }
      };
      return {
        // Kysely's interface has a second overload, for cursors, which this dialect is not configured to use.
        query: query as PostgresClient['query'],
        release: (destroy) => {
          client.off('error', onError);
          client.release(destroy || broken !== undefined);
        },
      };
    },
  };
}

/** A prepared statement that was made for former tables did nothing: it is run once more, as if it had not been prepared. */
async function run(
  client: pg.PoolClient,
  { text, values, name }: { text: string; values: unknown[]; name: string | undefined },
  onStale: () => void,
): Promise<unknown> {
  if (name === undefined) return await client.query(text, values);
  try {
    return await client.query({ text, values, name });
  } catch (error) {
    if (!isStalePlan(error)) throw error;
    onStale();
    return await client.query(text, values).catch((again: unknown) => {
      // Within a transaction nothing can be run any more, and the transaction is run again.
      throw sqlState(again) === IN_FAILED_TRANSACTION ? error : again;
    });
  }
}

/** "cached plan must not change result type": a migration added a column to what the statement reads. */
function isStalePlan(error: unknown): boolean {
  return (
    error instanceof pg.DatabaseError &&
    error.code === FEATURE_NOT_SUPPORTED &&
    error.routine === 'RevalidateCachedQuery'
  );
}

/** Postgres has no text with a NUL in it (JSON escapes it): a hostile one becomes visible instead of failing the query. */
function storable(parameter: unknown): unknown {
  if (Array.isArray(parameter)) return parameter.map(storable);
  return typeof parameter === 'string' ? parameter.replaceAll('\0', '\u{fffd}') : parameter;
}

function sqlState(error: unknown): string | undefined {
  const failure = error instanceof GatewayError ? error.cause : error;
  return failure instanceof pg.DatabaseError ? failure.code : undefined;
}

/** A timeout of the statement or of a lock ends the statement alone; the connection stays good. */
function isStatementOnly(error: unknown): boolean {
  const state = sqlState(error);
  return state === '55P03' || state === '57014';
}

/** Undefined for what is not the connection's or the server's trouble but the query's. */
function unavailable(error: unknown): GatewayError | undefined {
  const state = sqlState(error);
  // What `pg` throws without a state comes from the socket or from its own timeouts; a TypeError or RangeError is ours.
  const isConnection =
    state === undefined
      ? error instanceof Error && !(error instanceof TypeError || error instanceof RangeError)
      : UNAVAILABLE_STATES.test(state);
  return isConnection
    ? new GatewayError('UNAVAILABLE', "The gateway's database cannot be used at the moment. Try again in a moment.", {
        cause: error,
      })
    : undefined;
}

/** Whether the server undid the transaction only because of another one. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === SERIALIZATION_FAILURE || state === DEADLOCK_DETECTED || isStalePlan(error);
}

/** Waits for `closing`, but for no more than `ms`: a server that hangs must not keep this process from ending. */
export async function atMost(ms: number, closing: Promise<void>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([closing.catch(() => {}), delay(ms, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
