import { expect, test } from 'vitest';
import { createChangeFeed } from '../../src/contacts/change-feed.ts';
import type { Database } from '../../src/store/database.ts';
import { createEventLog } from '../../src/store/event-log.ts';
import { openFreshDatabase } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';

const unheard = { onChanged: () => {}, onMade: () => {}, onGap: () => {} };

test('who made a change waits until the others can read of it, but for no more than half a second', async () => {
  await using opened = await openFreshDatabase('postgres');
  const { database } = opened;
  const clock = createFakeClock();
  await using events = createEventLog({ database, clock });
  let gate = Promise.resolve();
  const slow: Database = {
    ...database,
    async transaction(run, options) {
      await gate;
      return await database.transaction(run, options);
    },
  };
  const log = { warn: () => {} };
  await using feed = await createChangeFeed({ database: slow, events, origin: 'this', listener: unheard, clock, log });
  const toldOf = async () => (await events.read({ after: 0, limit: 10 })).map(({ subject }) => subject);

  feed.announce('first');
  await feed.told();
  expect(await toldOf()).toEqual(['first']);

  const opens = Promise.withResolvers<void>();
  gate = opens.promise;
  feed.announce('second');
  let isOver = false;
  const waiting = feed.told().then(() => {
    isOver = true;
  });
  await clock.advance(499);
  expect(isOver).toBe(false);
  await clock.advance(1);
  await waiting;
  expect(await toldOf()).toEqual(['first']);

  opens.resolve();
  await feed.told();
  expect(await toldOf()).toEqual(['first', 'second']);
  // Nothing is announced: there is nothing to wait for.
  await feed.told();

  // What others announce meanwhile is not waited for, however long that goes on.
  const goesOn = Promise.withResolvers<void>();
  feed.announce('third');
  const third = feed.told();
  await events.head();
  gate = goesOn.promise;
  feed.announce('fourth');
  await third;
  expect(await toldOf()).toEqual(['first', 'second', 'third']);
  goesOn.resolve();
});
