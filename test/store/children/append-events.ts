/** Appends one event after the other until it is killed, and acknowledges each once it has been committed. */
import { systemClock } from '../../../src/clock.ts';
import { createEventLog } from '../../../src/store/event-log.ts';
import { connect, say } from './connect.ts';

const { database } = await connect();
const log = createEventLog({ database, clock: systemClock });
for (let n = 1; ; n++) {
  const seq = await database.transaction((tx) =>
    log.append(tx, { topic: 'kill', subject: 'one', type: 'N', data: { n } }),
  );
  say(`${n} ${seq}`);
}
