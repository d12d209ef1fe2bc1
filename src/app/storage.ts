/** The database, and what is kept in it for all slices. */
import { randomUUID } from 'node:crypto';
import { type AuditLog, createAuditLog } from '../store/audit-log.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { createEventLog, type EventLog } from '../store/event-log.ts';
import { createIdempotencyKeys, type IdempotencyKeys } from '../store/idempotency-keys.ts';
import { createLeases, type Leases } from '../store/leases.ts';
import { createLiveEvents, type LiveEvents } from '../store/live-events.ts';
import { processOwner } from '../store/process-owner.ts';
import type { Ground } from './ground.ts';

/** A database that starts together with the gateway may take so long. */
const DATABASE_WAIT_MS = 30_000;

export interface Storage {
  readonly database: Database;
  /** This process, in leases and events. */
  readonly owner: string;
  readonly leases: Leases;
  readonly audit: AuditLog;
  readonly eventLog: EventLog;
  readonly liveEvents: LiveEvents;
  readonly idempotencyKeys: IdempotencyKeys;
}

export async function openStorage({ config, clock, log, parts }: Ground): Promise<Storage> {
  const database = parts.use(await openDatabase({ url: config.databaseUrl, clock, log, waitMs: DATABASE_WAIT_MS }));
  const owner = processOwner(randomUUID());
  const leases = createLeases({ database, clock, owner });
  const audit = createAuditLog({ database });
  const eventLog = parts.use(createEventLog({ database, clock, log }));
  const liveEvents = createLiveEvents({ eventLog });
  const idempotencyKeys = createIdempotencyKeys({ database, leases });
  return { database, owner, leases, audit, eventLog, liveEvents, idempotencyKeys };
}
