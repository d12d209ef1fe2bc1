/** Every write to CXone leaves an audit entry, done or refused: who, what, how it ended, and which fields it changed. */
import type { Clock } from '../clock.ts';
import type { CallContext } from '../cxone/call-context.ts';
import {
  ConflictError,
  errorPolicy,
  NotFoundError,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
  ValidationError,
} from '../errors.ts';
import type { AuditLog, AuditOutcome } from '../store/audit-log.ts';
import type { Database } from '../store/database.ts';

/** On whose behalf something is done. */
export interface Caller {
  /** The name that stands in the audit. */
  readonly actor: string;
  readonly call: CallContext;
  /** A run of this very call was cut short: what is to be done may be done already. */
  readonly mayBeDone?: boolean | undefined;
}

/** For a call that may be done already, where nothing tells whether it is, and doing it again could do it twice. */
export function cutShort(): OutcomeUnknownError {
  return new OutcomeUnknownError(
    'An earlier call with this idempotency key was cut short, and whether it took effect is not known. Look before sending it again, with a new key.',
  );
}

/** What a write came to, for its caller and for the audit. */
export interface Effect<T> {
  readonly result: T;
  /** The global id of what it was done to, where it is only known now. */
  readonly subject?: string | undefined;
  /** Names, ids and counts; never a value of somebody's. */
  readonly detail?: Record<string, unknown> | undefined;
  readonly upstreamRequestId?: string | undefined;
  /** CXone's part, in milliseconds; without it, that of the whole write. */
  readonly latencyMs?: number | undefined;
}

export interface AuditedWrite {
  /** As `contact.update`. */
  readonly action: string;
  /** The global id of what it is done to, or of where it is made. */
  readonly subject: string;
}

export type Audited = <T>(caller: Caller, write: AuditedWrite, run: () => Promise<Effect<T>>) => Promise<T>;

/** Issues told of in one entry. */
const MAX_ISSUES = 20;

export function createAudited(deps: {
  database: Database;
  audit: AuditLog;
  clock: Clock;
  log: { error(details: object, message: string): void };
}): Audited {
  const { database, audit, clock, log } = deps;

  return async (caller, write, run) => {
    // What could not be audited is not begun.
    await database.ping();
    const startedAt = clock.monotonic();
    const note = async (outcome: AuditOutcome, told: Partial<Effect<unknown>>) => {
      try {
        await audit.note([
          {
            actor: caller.actor,
            action: write.action,
            subject: told.subject ?? write.subject,
            outcome,
            latencyMs: told.latencyMs ?? clock.monotonic() - startedAt,
            requestId: caller.call.requestId,
            upstreamRequestId: told.upstreamRequestId,
            detail: told.detail,
          },
        ]);
      } catch (error) {
        // What was done upstream stays done, and its caller has to learn of it.
        log.error({ action: write.action, requestId: caller.call.requestId, error }, 'an audit entry was lost');
      }
    };
    try {
      const effect = await run();
      await note('SUCCEEDED', effect);
      return effect.result;
    } catch (error) {
      await note(outcomeOf(error), { detail: detailOf(error), upstreamRequestId: upstreamRequestIdOf(error) });
      throw error;
    }
  };
}

/** REJECTED: it certainly took no effect, and somebody decided so. FAILED: all else. */
function outcomeOf(error: unknown): AuditOutcome {
  const refused =
    error instanceof ValidationError ||
    error instanceof NotFoundError ||
    error instanceof ConflictError ||
    error instanceof RateLimitedError ||
    (error instanceof UpstreamError && error.fault === 'refused');
  return refused ? 'REJECTED' : 'FAILED';
}

function detailOf(error: unknown): Record<string, unknown> {
  const { code } = errorPolicy(error);
  if (error instanceof ConflictError) return { code, reason: error.reason };
  if (error instanceof UpstreamError) return { code, fault: error.fault, status: error.status };
  if (error instanceof ValidationError) {
    return { code, issues: error.issues.slice(0, MAX_ISSUES).map((issue) => ({ path: issue.path, code: issue.code })) };
  }
  return { code };
}

function upstreamRequestIdOf(error: unknown): string | undefined {
  return error instanceof UpstreamError || error instanceof OutcomeUnknownError ? error.upstreamRequestId : undefined;
}
