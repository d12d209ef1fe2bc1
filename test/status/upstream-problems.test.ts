import { expect, test } from 'vitest';
import { createUpstreamProblems } from '../../src/status/upstream-problems.ts';

const closed = [{ group: 'outbound', circuit: 'CLOSED' }] as const;
const open = [{ group: 'outbound', circuit: 'OPEN' }] as const;
const answer = (status: number) => ({ group: 'outbound', status, fault: undefined }) as const;
const failure = (fault: string, status?: number) => ({ group: 'outbound', status, fault }) as const;

test('one or two failures are everyday, three in a row are told with the last', () => {
  const problems = createUpstreamProblems();
  problems.note(answer(500));
  problems.note(failure('timeout'));
  expect(problems.list(closed)).toEqual([]);
  problems.note(answer(503));
  expect(problems.list(closed)).toEqual([
    'The last 3 calls to CXone for outbound failed. The last failure: status 503.',
  ]);
  problems.note(answer(200));
  expect(problems.list(closed)).toEqual([]);
});

test.each([
  [failure('timeout'), 'no answer in time'],
  [failure('unavailable'), 'no connection'],
  [failure('unavailable', 502), 'status 502'],
  [failure('badResponse', 200), 'an answer that cannot be read'],
  [answer(429), 'over the rate limit (429)'],
])('%j while the circuit is open: %s', (attempt, words) => {
  const problems = createUpstreamProblems();
  problems.note(attempt);
  expect(problems.list(open)).toEqual([
    `Calls to CXone for outbound keep failing, so none are sent for now. The last failure: ${words}.`,
  ]);
});

test.each([400, 403, 404, 409, 412])('a %i is an answer, and no problem', (status) => {
  const problems = createUpstreamProblems();
  for (let time = 0; time < 5; time += 1) problems.note(answer(status));
  expect(problems.list(closed)).toEqual([]);
});

test.each([failure('auth'), answer(401)])(
  'refused credentials (%j) are told at once, until a call is answered',
  (attempt) => {
    const problems = createUpstreamProblems();
    problems.note(attempt);
    expect(problems.list(closed)).toEqual([expect.stringContaining('CXONE_CLIENT_SECRET')]);
    problems.note(answer(404));
    expect(problems.list(closed)).toEqual([]);
  },
);
