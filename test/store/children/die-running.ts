/** Starts the operation of a key and never ends it: to be killed while it runs. */
import { createIdempotencyKeys } from '../../../src/store/idempotency-keys.ts';
import { connect, heard, say } from './connect.ts';

const { database, leases } = await connect();
const keys = createIdempotencyKeys({ database, leases });
await keys.run({ actor: 'a', operation: 'o', key: 'k', input: 1, ttlMs: 60_000 }, async () => {
  say('running');
  await heard();
});
