/**
 * Tells CRMs of finished batches and imports: one message for each destination, stored in the transaction of what it
 * tells. Nothing is sent here (callback-delivery.ts).
 */
import { hash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { ImportNotices } from '../imports/import-books.ts';
import { optionsOf } from '../imports/model.ts';
import type { Transaction } from '../store/database.ts';
import type { Outbox } from '../store/outbox.ts';
import type { ImportRow } from '../store/tables.ts';
import { batchCallback, type CallbackBody, importCallback } from './callback-body.ts';
import { CALLBACK_TTL_MS } from './callback-schedule.ts';
import { callbackStream } from './callback-stream.ts';

/**
 * @param deps.crmUrl told of every import (CRM_WEBHOOK_URL); null where there is none
 * @param deps.newId a fresh id for each call, at most 255 printable characters
 */
export function createImportNotices(deps: {
  outbox: Outbox;
  crmUrl: string | null;
  newId: () => string;
  clock: Clock;
}): ImportNotices {
  const { outbox, crmUrl, newId, clock } = deps;

  async function enqueue(tx: Transaction, row: ImportRow, makeBody: () => CallbackBody): Promise<void> {
    const { callbackUrl } = optionsOf(row);
    // A set: somebody who is both is told once.
    const urls = new Set([crmUrl, callbackUrl].filter((url) => typeof url === 'string'));
    if (urls.size === 0) return;
    const body = JSON.stringify(makeBody());
    for (const url of urls) {
      const stream = callbackStream(row.id, hash('sha256', url));
      await outbox.enqueue(tx, { messageId: `msg_${newId()}`, stream, url, body, ttlMs: CALLBACK_TTL_MS });
    }
  }

  return {
    batchFinished: (tx, row, outcome, auditId) =>
      enqueue(tx, row, () => batchCallback(row, outcome, auditId, clock.now())),
    finished: (tx, row, auditId) => enqueue(tx, row, () => importCallback(row, auditId, clock.now())),
  };
}
