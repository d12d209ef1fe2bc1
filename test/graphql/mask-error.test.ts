import { GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import {
  ERROR_TABLE,
  type ErrorCode,
  GatewayError,
  INTERNAL_ERROR,
  NotFoundError,
  OutcomeUnknownError,
  RateLimitedError,
  UpstreamError,
  ValidationError,
} from '../../src/errors.ts';
import { maskError } from '../../src/graphql/mask-error.ts';

const SECRET = 'secret db password=hunter2';
/** As the executor gives an error to us: wrapped, with its place. */
const located = (cause: Error) => new GraphQLError(cause.message, { path: ['field', 0], cause });

test.each([
  [
    new ValidationError([{ path: ['a'], code: 'X', message: 'Bad.' }]),
    'BAD_USER_INPUT',
    { issues: [{ path: ['a'], code: 'X', message: 'Bad.' }] },
  ],
  [new NotFoundError('None.'), 'NOT_FOUND', {}],
  [new RateLimitedError('Wait.', 1500), 'RATE_LIMITED', { retryAfterMs: 1500 }],
  [new RateLimitedError('Wait.'), 'RATE_LIMITED', {}],
  [
    new UpstreamError('No.', { fault: 'refused', status: 403, upstreamRequestId: 'u1' }),
    'UPSTREAM_ERROR',
    { fault: 'refused', retryable: false, upstreamRequestId: 'u1' },
  ],
  [new OutcomeUnknownError('Who knows.'), 'OUTCOME_UNKNOWN', {}],
])('%s is shown with its code and what it knows', (error, code, details) => {
  for (const thrown of [error, located(error)]) {
    const { shown, hidden } = maskError(thrown, 'r-1');
    expect(hidden).toBeUndefined();
    expect(shown.message).toBe(error.message);
    expect(JSON.parse(JSON.stringify(shown.extensions))).toEqual({ code, ...details, requestId: 'r-1' });
    expect(shown.path).toEqual(thrown === error ? undefined : ['field', 0]);
  }
});

test('every code is shown exactly where the table says so', () => {
  for (const code of Object.keys(ERROR_TABLE) as ErrorCode[]) {
    const { shown } = maskError(located(new GatewayError(code, SECRET)), 'r-1');
    expect(shown.message).toBe(ERROR_TABLE[code].clientVisible ? SECRET : INTERNAL_ERROR);
    expect(shown.extensions.code).toBe(code);
  }
});

test.each([
  ['a bug', new Error(SECRET)],
  ['a bug with its place', located(new TypeError(SECRET))],
  ['a bug wrapped twice', new GraphQLError('x', { cause: located(new Error(SECRET)) })],
  ['a string', SECRET],
  ['undefined', undefined],
  ['null', null],
  ['an object', { message: SECRET, extensions: { code: 'BAD_USER_INPUT' } }],
  [
    'an error that only looks like one of the family',
    Object.assign(new Error(SECRET), { code: 'NOT_FOUND', clientVisible: true }),
  ],
  [
    'what Yoga made of a string that was thrown',
    new GraphQLError(SECRET, { extensions: { unexpected: true, code: 'BAD_USER_INPUT' } }),
  ],
  [
    'a value that does not fit its type',
    new GraphQLError(`Int cannot represent non-integer value: "${SECRET}"`, { path: ['field'] }),
  ],
])('%s is hidden and handed over to be logged', (_what, thrown) => {
  const masked = maskError(thrown, 'r-1');
  expect(JSON.stringify(masked.shown.toJSON())).not.toContain('hunter2');
  expect(masked.shown.toJSON()).toMatchObject({
    message: INTERNAL_ERROR,
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'r-1' },
  });
  expect('hidden' in masked).toBe(true);
  expect(masked.shown.originalError).toBeUndefined();
});

test('what graphql says about the request is shown, with the code of its phase', () => {
  expect(maskError(new GraphQLError('Syntax Error'), 'r', 'GRAPHQL_PARSE_FAILED').shown.toJSON()).toMatchObject({
    message: 'Syntax Error',
    extensions: { code: 'GRAPHQL_PARSE_FAILED' },
  });
  expect(maskError(new GraphQLError('Variable "$x" …'), 'r').shown.extensions.code).toBe('BAD_USER_INPUT');
  expect(
    maskError(new GraphQLError('x', { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } }), 'r').shown
      .extensions,
  ).toEqual({ code: 'BAD_USER_INPUT', requestId: 'r' });
  expect(
    maskError(new GraphQLError('Argument "first" of required type "Int!" was not provided.', { path: ['f'] }), 'r')
      .code,
  ).toBe('BAD_USER_INPUT');
});
