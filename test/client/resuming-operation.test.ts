import { expect, test } from 'vitest';
import { resumingOperation } from '../../src/client/resuming-operation.ts';

const sent = (payload: object) => JSON.parse(JSON.stringify(payload));

test('a subscription that is sent again asks for what came after the last event it saw', () => {
  const { payload, advance } = resumingOperation('subscription', { id: '1' });
  expect(sent(payload)).toEqual({ query: 'subscription', variables: { id: '1' } });
  advance({ importProgress: { cursor: 'a' } });
  advance({ importProgress: { cursor: 'b' } });
  expect(sent(payload)).toEqual({ query: 'subscription', variables: { id: '1', after: 'b' } });
});

test('it begins where it was told to until an event comes, and an answer without one changes nothing', () => {
  const { payload, advance } = resumingOperation('subscription', { after: 'start' });
  for (const data of [null, undefined, {}, { importProgress: null }]) advance(data);
  expect(sent(payload).variables).toEqual({ after: 'start' });
  advance({ importProgress: { cursor: 'next' } });
  expect(sent(payload).variables).toEqual({ after: 'next' });
});
