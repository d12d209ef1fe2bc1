/** Migrates a database and kills itself in the middle of it, at the so-manyth thing that the migrations spell. */
import { Kysely } from 'kysely';
import { systemClock } from '../../../src/clock.ts';
import { migrateToLatest } from '../../../src/store/migrate.ts';
import { openPostgres } from '../../../src/store/postgres.ts';
import { openSqlite } from '../../../src/store/sqlite.ts';
import { silentLog } from '../../../src/store/storage-engine.ts';
import type { Tables } from '../../../src/store/tables.ts';
import { say } from './connect.ts';

const [url = '', place = ''] = process.argv.slice(2);
const open = url.startsWith('file:') ? openSqlite : openPostgres;
const engine = open({ url, clock: systemClock, log: silentLog });
let spelt = 0;
const schema = new Proxy(engine.schema, {
  get(target, name, receiver) {
    spelt += 1;
    if (spelt === Number(place)) process.kill(process.pid, 'SIGKILL');
    return Reflect.get(target, name, receiver);
  },
});
await migrateToLatest({
  db: new Kysely<Tables>({ dialect: engine.dialect }),
  engine: { ...engine, schema },
  log: silentLog,
});
say(String(spelt));
process.exit(0);
