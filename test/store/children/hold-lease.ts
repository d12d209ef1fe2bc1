/** Takes a lease for an hour and lives until a line comes, without giving it back. */
import { connect, heard, owner, parameters, say } from './connect.ts';

const { leases } = await connect();
const [name = ''] = parameters;
const lease = await leases.tryAcquire(name, 3_600_000);
say(lease ? `${owner} ${lease.fence}` : 'held');
await heard();
process.exit(0);
