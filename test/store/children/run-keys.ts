/** Runs one idempotent operation for each of many keys, counting executions in the store, and says each result. */
import { sql } from 'kysely';
import { createIdempotencyKeys } from '../../../src/store/idempotency-keys.ts';
import { connect, heard, owner, parameters, say } from './connect.ts';

const { database, leases } = await connect();
const keys = createIdempotencyKeys({ database, leases });
say('ready');
await heard();
for (let n = 0; n < Number(parameters[0]); n++) {
  const request = { actor: 'a', operation: 'o', key: `key-${n}`, input: { n }, ttlMs: 60_000 };
  const { result } = await keys.run(request, async () => {
    await sql`insert into executions (n) values (${n})`.execute(database.db);
    return owner;
  });
  say(`${n} ${result}`);
}
await database[Symbol.asyncDispose]();
process.exit(0);
