/** Notes one audit entry after the other until it is killed, and acknowledges each once that has resolved. */
import { createAuditLog } from '../../../src/store/audit-log.ts';
import { connect, say } from './connect.ts';

const { database } = await connect();
const audit = createAuditLog({ database });
for (let n = 1; ; n++) {
  await audit.note([{ actor: 'child', action: 'count', subject: String(n), outcome: 'SUCCEEDED' }]);
  say(String(n));
}
