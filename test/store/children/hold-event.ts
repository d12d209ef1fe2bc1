/** Appends an event and keeps its transaction open until a line comes. */
import { systemClock } from '../../../src/clock.ts';
import { createEventLog } from '../../../src/store/event-log.ts';
import { connect, heard, say } from './connect.ts';

const { database } = await connect();
const log = createEventLog({ database, clock: systemClock });
await database.transaction(async (tx) => {
  await log.append(tx, { topic: 'hold', subject: 'one', type: 'HELD', data: {} });
  say('open');
  await heard();
});
