/** Adds 1 to a counter again and again, reading and writing it apart, so that only the lease keeps counts from being lost. */
import { sql } from 'kysely';
import { connect, parameters } from './connect.ts';

const { database, leases } = await connect();
const rounds = Number(parameters[0]);
for (let round = 0; round < rounds; round++) {
  await leases.withLease('counter', { leaseMs: 10_000, waitMs: 60_000 }, async (lease) => {
    const { rows } = await sql<{ value: number }>`select value from counter`.execute(database.db);
    await database.transaction(async (tx) => {
      await leases.assertHeld(tx, lease);
      await sql`update counter set value = ${(rows[0]?.value ?? 0) + 1}`.execute(tx);
    });
  });
}
await database[Symbol.asyncDispose]();
process.exit(0);
