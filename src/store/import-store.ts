/**
 * The tables of imports: every change that moves a row from one count to another is one transaction here, so that the
 * counts add up at every moment and after a crash.
 */
import type { Database } from './database.ts';
import { createImportReading, type ImportReading } from './import-reading.ts';
import { createImportReceiving, type ImportReceiving } from './import-receiving.ts';
import { createImportRequeueing, type ImportRequeueing } from './import-requeueing.ts';
import { createImportSending, type ImportSending } from './import-sending.ts';
import { createImportStates, type ImportStates } from './import-states.ts';

export type ImportStore = ImportStates & ImportReceiving & ImportSending & ImportRequeueing & ImportReading;

export function createImportStore(database: Database): ImportStore {
  return {
    ...createImportStates(database),
    ...createImportReceiving(database),
    ...createImportSending(database),
    ...createImportRequeueing(database),
    ...createImportReading(database),
  };
}
