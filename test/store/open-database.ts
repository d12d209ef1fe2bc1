/** Opens a fresh database of an engine, for one test. */
import { type Clock, systemClock } from '../../src/clock.ts';
import { type Database, type Engine, openDatabase } from '../../src/store/database.ts';
import { freshDatabaseUrl } from '../support/postgres.ts';

export const ENGINES: readonly Engine[] = ['sqlite', 'postgres'];

export interface OpenedDatabase {
  readonly url: string;
  readonly database: Database;
  /** Another process' view of the same database: opened again, with nothing shared. */
  openAgain(clock?: Clock): Promise<Database>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openFreshDatabase(engine: Engine, clock: Clock = systemClock): Promise<OpenedDatabase> {
  await using disposal = new AsyncDisposableStack();
  const { url } = disposal.use(await freshDatabaseUrl(engine));
  const open = async (at: Clock) => disposal.use(await openDatabase({ url, clock: at }));
  const database = await open(clock);
  const keep = disposal.move();
  return {
    url,
    database,
    openAgain: async (at = clock) => keep.use(await openDatabase({ url, clock: at })),
    [Symbol.asyncDispose]: () => keep.disposeAsync(),
  };
}
