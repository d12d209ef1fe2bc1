import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { createLog, type LogFields, type LogLevel } from '../../src/telemetry/log.ts';
import { anyCodePoint } from '../support/any-text.ts';

function capture(level: LogLevel = 'trace') {
  const lines: string[] = [];
  return { lines, log: createLog({ level, destination: { write: (line) => lines.push(line) } }) };
}

function written(fields: LogFields, message = 'something'): string {
  const { lines, log } = capture();
  log.info(fields, message);
  return lines.join('');
}

test('a line is one JSON object with time, level, message and fields', () => {
  const line = written({ requestId: 'r-1', count: 3 }, 'done');
  expect(line.endsWith('\n')).toBe(true);
  expect(JSON.parse(line)).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    requestId: 'r-1',
    count: 3,
    msg: 'done',
  });
});

test('a child says its fields on every line, its own children too', () => {
  const { lines, log } = capture();
  log.child({ requestId: 'r-1' }).child({ importId: 'i-1' }).warn({ batch: 2 }, 'slow');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', requestId: 'r-1', importId: 'i-1', batch: 2 });
});

test('below its level, and when silent, nothing is written', () => {
  const warn = capture('warn');
  warn.log.info({}, 'no');
  warn.log.child({}).debug({}, 'no');
  warn.log.error({}, 'yes');
  expect(warn.lines).toHaveLength(1);
  const silent = capture('silent');
  silent.log.error({}, 'no');
  expect(silent.lines).toEqual([]);
});

test.each([
  ['a secret by its name', { clientSecret: 'hunter2hunter2' }, 'hunter2'],
  ['a nested one', { config: { auth: { apiKey: 'hunter2hunter2' } } }, 'hunter2'],
  ['a header', { headers: { Authorization: 'Bearer abc.def', cookie: 'sid=hunter2' } }, 'abc.def'],
  ['a bearer token in text', { note: 'sent Bearer eyJhbGciOi.J9.xyz to CXone' }, 'eyJ'],
  ['a JWT', { note: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln' }, 'eyJ'],
  ['a signing secret', { note: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }, 'MfKQ'],
  ['a token in a URL', { url: '/uploads/1?token=hunter2&x=1' }, 'hunter2'],
  ['a phone number', { note: 'could not reach +4915112345678' }, '4915112345678'],
  ['a phone number by its name', { phone: '0151 12345678' }, '12345678'],
  ['an address', { note: 'bounced: ada.lovelace@example.com' }, 'ada.lovelace'],
  ['a name', { contact: { firstName: 'Ada', lastName: 'Lovelace' } }, 'Lovelace'],
  ['attributes', { customAttributes: { vip: 'hunter2' } }, 'hunter2'],
  ['a body', { body: '{"a":"hunter2"}', rows: [{ x: 'hunter2' }], variables: { y: 'hunter2' } }, 'hunter2'],
  ['an error’s text', { error: new Error('no user ada@example.com for Bearer hunter2hunter2') }, 'ada@example.com'],
  ['an error’s properties', { error: Object.assign(new Error('x'), { config: { data: 'hunter2' } }) }, 'hunter2'],
  ['a cause', { error: new Error('x', { cause: new Error('mail to ada@example.com') }) }, 'ada@example.com'],
  ['a stream', { upload: Readable.from(['hunter2']) }, 'hunter2'],
  ['a buffer', { bytes: Buffer.from('hunter2') }, 'aHVudGVyMg'],
])('%s is not written', (_what, fields, secret) => {
  expect(written(fields)).not.toContain(secret);
});

test('nor is one in the message or in a child’s fields', () => {
  expect(written({}, 'called +4915112345678 with Bearer hunter2')).not.toMatch(/4915112345678|hunter2/);
  const { lines, log } = capture();
  log.child({ apiKey: 'hunter2' }).info({}, 'x');
  expect(lines.join('')).not.toContain('hunter2');
});

test('what helps is written: counts, ids, codes, an error’s kind, words and place', () => {
  const error = new GatewayError('UNAVAILABLE', 'The database does not answer.', { cause: new RangeError('port') });
  const line = JSON.parse(written({ rows: 25_000, tokens: 3, importId: 'imp_1', error }));
  expect(line).toMatchObject({
    rows: 25_000,
    tokens: 3,
    importId: 'imp_1',
    error: {
      type: 'GatewayError',
      code: 'UNAVAILABLE',
      message: 'The database does not answer.',
      cause: { type: 'RangeError', message: 'port' },
    },
  });
  expect(line.error.stack).toContain('log.test.ts');
});

test('a value that does not end is cut, and a line stays a line', () => {
  const circular: Record<string, unknown> = { name: 'x' };
  circular.self = circular;
  expect(() => written({ circular })).not.toThrow();
  expect(written({ note: 'x'.repeat(1_000_000) }).length).toBeLessThan(10_000);
  expect(written({ list: Array.from({ length: 10_000 }, (_, i) => i) }).length).toBeLessThan(2_000);
  const forged = written({ note: 'a\r\n{"level":"fatal","msg":"forged"}\u001b[31m' }, 'b\nc');
  expect(forged.trimEnd()).not.toContain('\n');
  expect(forged).not.toContain('\u001b');
});

test('whatever is logged, it is a line of JSON', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.anything()), fc.string({ unit: anyCodePoint }), (fields, message) => {
      const line = written(fields, message);
      expect(line.trimEnd()).not.toContain('\n');
      expect(typeof JSON.parse(line)).toBe('object');
    }),
  );
});
