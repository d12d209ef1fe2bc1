import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/errors.ts';
import { readSignedHead } from '../../src/webhooks/delivery-signature.ts';
import { createDeliveryStore } from '../../src/webhooks/delivery-store.ts';
import { ENGINES } from '../store/open-database.ts';
import { createFakeClock } from '../support/clock.ts';
import { change, OTHER_SECRET, SECRET, startWebhookServer, type WebhookServer } from './webhook-server.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 0, 0);
/** Sends text under the id msg_1, signed at the time at which the fake clocks stand. */
const deliverAt = (server: WebhookServer, text: string, headers: Record<string, string | null>) =>
  server.deliver(text, { id: 'msg_1', signedAtMs: NOW, headers });
const seconds = (ms: number) => String(Math.floor(ms / 1000));

describe.each(ENGINES)('a signed delivery over %s', (engine) => {
  test('is in the event log when it is answered, and caches were told', async () => {
    await using server = await startWebhookServer({ engine });
    expect(await server.deliver(change())).toEqual({ status: 202, body: { status: 'accepted' } });
    const [event, ...others] = await server.eventLog.read({ after: 0, limit: 10 });
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      topic: 'enrichment',
      subject: 'list-1',
      type: 'CONTACT_ENRICHED',
      data: { contactId: 'contact-1', occurredAt: NOW, late: false, attributes: { score: 7 } },
    });
    expect(server.changed).toEqual(['contact-1@list-1']);
    expect(server.counts).toEqual({ accepted: 1 });
    // As somebody sees it who opens the store after this process has died.
    const after = await server.openAgain();
    expect(await after.db.selectFrom('events').selectAll().execute()).toHaveLength(1);
  });

  test('that comes again, one after another or all at once, is taken once', async () => {
    await using server = await startWebhookServer({ engine });
    for (let n = 0; n < 5; n++) await server.deliver(change(), { id: 'msg_1' });
    const answers = await Promise.all(Array.from({ length: 50 }, () => server.deliver(change(), { id: 'msg_2' })));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(49);
    expect(await server.eventLog.read({ after: 0, limit: 10 })).toHaveLength(2);
    expect(server.counts).toEqual({ accepted: 2, repeated: 53 });
    expect(server.changed).toHaveLength(2);
  });

  test('that happened before one already told of its contact is told as late', async () => {
    await using server = await startWebhookServer({ engine });
    const at = (occurredAt: string, more = {}) => server.deliver(change({ occurredAt, ...more }));
    await at('2026-11-21T14:00:02Z');
    await at('2026-11-21T14:00:01Z');
    await at('2026-11-21T14:00:03+00:00');
    await at('2026-11-21T14:00:00Z', { contactId: 'contact-2' });
    await at('2026-11-21T14:00:00Z', { contactListId: 'list-2' });
    // Within one group as well.
    await Promise.all([
      at('2026-11-21T15:00:02Z', { contactId: 'contact-3' }),
      at('2026-11-21T15:00:01Z', { contactId: 'contact-3' }),
    ]);
    const events = await server.eventLog.read({ after: 0, limit: 10 });
    const late = events.map(({ data }) => (data as { late: boolean }).late);
    expect(late.slice(0, 5)).toEqual([false, true, false, false, false]);
    const third = events.slice(5).map(({ data }) => data as { occurredAt: number; late: boolean });
    expect(third.map(({ late }) => late)).toEqual([false, (third[1]?.occurredAt ?? 0) < (third[0]?.occurredAt ?? 0)]);
  });

  test('of a type that is not known is kept and counted, and not told as a change', async () => {
    await using server = await startWebhookServer({ engine });
    const body = { id: 'evt-9', type: 'campaign.exploded', anything: [1, { two: 3 }] };
    expect(await server.deliver(body, { id: 'msg_9' })).toEqual({ status: 202, body: { status: 'unknownType' } });
    expect((await server.deliver(body, { id: 'msg_9' })).status).toBe(200);
    expect(await server.eventLog.read({ after: 0, topics: ['enrichment'], limit: 10 })).toEqual([]);
    const [kept] = await server.eventLog.read({ after: 0, limit: 10 });
    expect(kept).toMatchObject({ subject: 'msg_9', type: 'UNKNOWN', data: { type: 'campaign.exploded', body } });
    expect(server.counts).toEqual({ unknownType: 1, repeated: 1 });
    expect(server.changed).toEqual([]);
  });

  test('travels with its neighbours: a burst becomes few transactions, and each has its own answer', async () => {
    await using server = await startWebhookServer({ engine });
    const burst = Array.from({ length: 400 }, (_, n) =>
      server.deliver(change({ contactId: `contact-${n}` }), { id: `msg_${n % 360}` }),
    );
    const answers = await Promise.all(burst);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(360);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(40);
    expect(await server.eventLog.read({ after: 0, limit: 1_000 })).toHaveLength(360);
    expect(server.groups.length).toBeLessThan(100);
    expect(server.groups.reduce((sum, size) => sum + size, 0)).toBe(400);
  });

  test('is remembered for a week at least, whatever the retention', async () => {
    const clock = createFakeClock(NOW);
    await using server = await startWebhookServer({ clock });
    const store = createDeliveryStore(server);
    const content = { kind: 'unknown', type: 'x', body: null } as const;
    await store.takeAll([{ id: 'msg_1', content }]);
    await clock.advance(7 * 24 * 3_600_000 - 1_000);
    expect(await store.prune(0)).toBe(0);
    expect(await store.takeAll([{ id: 'msg_1', content }])).toEqual([false]);
    await clock.advance(2_000);
    expect(await store.prune(0)).toBe(1);
  });
});

describe('who does not sign as CXone does', () => {
  const body = JSON.stringify(change());
  const sign = (secret: string, id = 'msg_1', at = NOW, text = body) =>
    new Webhook(secret).sign(id, new Date(at), text);
  const good = sign(SECRET);
  const hex = createHmac('sha256', Buffer.alloc(24, 1))
    .update(`msg_1.${seconds(NOW)}.${body}`)
    .digest('hex');

  const FORGERIES: [string, Record<string, string | null>][] = [
    ['another secret', { 'webhook-signature': sign(OTHER_SECRET) }],
    ['another body', { 'webhook-signature': sign(SECRET, 'msg_1', NOW, `${body} `) }],
    ['another id', { 'webhook-id': 'msg_2' }],
    ['another timestamp', { 'webhook-timestamp': seconds(NOW + 1_000) }],
    ['no signature', { 'webhook-signature': null }],
    ['no id', { 'webhook-id': null }],
    ['no timestamp', { 'webhook-timestamp': null }],
    ['an empty signature', { 'webhook-signature': '' }],
    ['a signature without its version', { 'webhook-signature': good.slice(3) }],
    ['hexadecimal', { 'webhook-signature': `v1,${hex}` }],
    ['version 0', { 'webhook-signature': good.replace('v1,', 'v0,') }],
    ['a truncated signature', { 'webhook-signature': good.slice(0, -4) }],
    ['a signature with something behind it', { 'webhook-signature': `${good}A` }],
    ['300 signatures', { 'webhook-signature': Array(300).fill(sign(OTHER_SECRET)).join(' ') }],
    ['a good signature among 300', { 'webhook-signature': [...Array(299).fill(sign(OTHER_SECRET)), good].join(' ') }],
    ['an id with a space', { 'webhook-id': 'msg 1' }],
    ['an endless id', { 'webhook-id': 'x'.repeat(256) }],
  ];

  test.each(FORGERIES)('gets 401: %s', async (_name, headers) => {
    await using server = await startWebhookServer({ clock: createFakeClock(NOW) });
    const answer = await deliverAt(server, body, { 'webhook-signature': good, ...headers });
    expect(answer.status).toBe(401);
    expect(await server.eventLog.head()).toBe(0);
    expect(server.changed).toEqual([]);
    const [entry] = await server.audited();
    expect(entry).toMatchObject({ actor: 'unknown', subject: 'unsigned' });
    expect(JSON.stringify(entry)).not.toContain(good);
  });

  const TIMES: [string, string][] = [
    ['six minutes old', seconds(NOW - 360_000)],
    ['five minutes and a second old', seconds(NOW - 301_000)],
    ['six minutes ahead', seconds(NOW + 360_000)],
    ['milliseconds', String(NOW)],
    ['0', '0'],
    ['-1', '-1'],
    ['NaN', 'NaN'],
    ['1e10', '1e10'],
    ['hexadecimal', `0x${Math.floor(NOW / 1000).toString(16)}`],
    ['a fraction', `${seconds(NOW)}.5`],
    ['a leading zero', `0${seconds(NOW)}`],
    ['a sign', `+${seconds(NOW)}`],
    ['nothing', ''],
  ];

  test.each(TIMES)('gets 401, however well it signs: a timestamp of %s', async (_name, timestamp) => {
    await using server = await startWebhookServer({ clock: createFakeClock(NOW) });
    const signature = createHmac('sha256', Buffer.alloc(24, 1)).update(`msg_1.${timestamp}.${body}`).digest('base64');
    const answer = await deliverAt(server, body, {
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    });
    expect(answer.status).toBe(401);
    expect(await server.eventLog.head()).toBe(0);
  });

  test.each([
    [-301, 'stale'],
    [-300, 'good'],
    [300, 'good'],
    [301, 'stale'],
  ])('at %i seconds from now is %s', (offset, expected) => {
    const at = seconds(NOW + offset * 1_000);
    const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': at, 'webhook-signature': good };
    const head = readSignedHead(headers, NOW);
    expect(typeof head === 'string' ? head : 'good').toBe(expected);
  });

  test('does not fill the audit: a flood leaves a bounded number of entries and says how many are left out', async () => {
    const clock = createFakeClock(NOW);
    await using server = await startWebhookServer({ clock });
    for (let n = 0; n < 25; n++) {
      const flood = Array.from({ length: 10 }, () => deliverAt(server, body, { 'webhook-signature': 'forged' }));
      for (const { status } of await Promise.all(flood)) expect(status).toBe(401);
    }
    expect(await server.audited()).toHaveLength(200);
    expect(server.counts).toEqual({ unsigned: 250 });
    // What CXone signed is not hidden by it.
    await deliverAt(server, '[]', { 'webhook-signature': sign(SECRET, 'msg_1', NOW, '[]') });
    expect(await server.audited()).toHaveLength(201);
    await clock.advance(2_000);
    await deliverAt(server, body, { 'webhook-signature': 'forged' });
    const [newest] = await server.audited();
    expect(newest?.detail).toEqual({ reason: 'unsigned', suppressed: 50 });
  });
});

test('during a rotation both secrets are good, in either place of the header', async () => {
  await using server = await startWebhookServer({ secrets: [OTHER_SECRET, SECRET] });
  expect((await server.deliver(change(), { secret: SECRET })).status).toBe(202);
  expect((await server.deliver(change(), { secret: OTHER_SECRET })).status).toBe(202);
  const at = new Date();
  const body = JSON.stringify(change());
  const unknown = new Webhook(`whsec_${Buffer.alloc(24, 9).toString('base64')}`).sign('msg_r', at, body);
  const known = new Webhook(SECRET).sign('msg_r', at, body);
  const headers = { 'webhook-signature': `v1a,other ${unknown} ${known}` };
  expect((await server.deliver(body, { id: 'msg_r', signedAtMs: at.getTime(), headers })).status).toBe(202);
});

test('ids are opaque: whatever characters they are written in, the delivery is taken', async () => {
  await using server = await startWebhookServer();
  const ids = { id: 'Ereignis 7', contactListId: 'Müller & Söhne', contactId: '顧客/1' };
  expect((await server.deliver(change(ids))).status).toBe(202);
  expect(server.changed).toEqual(['顧客/1@Müller & Söhne']);
});

test('without a secret nothing is taken: 503', async () => {
  await using server = await startWebhookServer({ secrets: [] });
  const answer = await server.deliver(change());
  expect(answer.status).toBe(503);
  expect(answer.body.error.message).toContain('CXONE_WEBHOOK_SECRET');
  expect(await server.eventLog.head()).toBe(0);
});

describe('what is signed and cannot be read gets 400 with the reason, and an audit entry without its content', () => {
  const PERSON = 'somebody@example.com';
  const MALFORMED: [string, string, RegExp][] = [
    ['no JSON', '{"type":', /not JSON/],
    ['nothing', '', /not JSON/],
    ['an array', '[]', /the body/],
    ['null', 'null', /the body/],
    ['no type', JSON.stringify(change({ type: undefined })), /fit: type/],
    ['a type that is no text', JSON.stringify(change({ type: 7 })), /fit: type/],
    ['no id', JSON.stringify(change({ id: undefined })), /fit: id/],
    ['no contact', JSON.stringify(change({ contactId: undefined })), /fit: contactId/],
    ['an empty list id', JSON.stringify(change({ contactListId: '' })), /fit: contactListId/],
    ['an id with a NUL', JSON.stringify(change({ contactListId: 'a\u0000b' })), /fit: contactListId/],
    ['an endless id', JSON.stringify(change({ contactId: 'x'.repeat(129) })), /fit: contactId/],
    ['an id that is a path', JSON.stringify(change({ contactListId: '..' })), /fit: contactListId/],
    ['a day that does not exist', JSON.stringify(change({ occurredAt: '2026-02-30T00:00:00Z' })), /fit: occurredAt/],
    ['a time without an offset', JSON.stringify(change({ occurredAt: '2026-02-03T00:00:00' })), /fit: occurredAt/],
    ['a time in seconds', JSON.stringify(change({ occurredAt: 1_764_000_000 })), /fit: occurredAt/],
    ['attributes that are a list', JSON.stringify(change({ attributes: [PERSON] })), /fit: attributes/],
    ['__proto__', `{"type":"contact.enriched","attributes":{"__proto__":{"polluted":"${PERSON}"}}}`, /not allowed/],
    ['constructor, deep within an unknown type', '{"type":"x","a":[{"constructor":{"prototype":{}}}]}', /not allowed/],
    ['half a character', '{"type":"x","a":"\\ud800"}', /half a character/],
    ['a number out of range', '{"type":"x","a":1e999}', /out of range/],
    ['nesting without end', `{"type":"x","a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, /nested deeper/],
  ];

  test.each(MALFORMED)('%s', async (_name, body, reason) => {
    await using server = await startWebhookServer();
    const answer = await server.deliver(body, { id: 'msg_bad' });
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toMatch(reason);
    expect(await server.eventLog.head()).toBe(0);
    expect(server.counts).toEqual({ malformed: 1 });
    const [entry] = await server.audited();
    expect(entry).toMatchObject({ actor: 'cxone', subject: 'msg_bad', detail: { reason: 'malformed' } });
    expect(String(entry?.detail.fault)).toMatch(reason);
    expect(JSON.stringify([entry, answer])).not.toContain(PERSON);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('bytes that are no UTF-8, signed as the bytes they are', async () => {
    await using server = await startWebhookServer();
    const bytes = Buffer.concat([Buffer.from('{"type":"caf'), Buffer.from([0xe9]), Buffer.from('"}')]);
    const at = seconds(Date.now());
    const signed = createHmac('sha256', Buffer.alloc(24, 1)).update(`msg_1.${at}.`).update(bytes).digest('base64');
    const headers = { 'webhook-timestamp': at, 'webhook-signature': `v1,${signed}` };
    const answer = await server.deliver(bytes, { id: 'msg_1', headers });
    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain('UTF-8');
  });

  test('a replaced character does not make a signature fit', async () => {
    await using server = await startWebhookServer();
    // U+FFFD is what a lenient decoder makes of the byte 0xe9.
    const signedText = '{"type":"caf\ufffd"}';
    const at = new Date();
    const signature = new Webhook(SECRET).sign('msg_1', at, signedText);
    const bytes = Buffer.concat([Buffer.from('{"type":"caf'), Buffer.from([0xe9]), Buffer.from('"}')]);
    const headers = { 'webhook-timestamp': seconds(at.getTime()), 'webhook-signature': signature };
    expect((await server.deliver(bytes, { id: 'msg_1', headers })).status).toBe(401);
  });

  test('a good delivery after any of them is still taken', async () => {
    await using server = await startWebhookServer();
    expect((await server.deliver('{', { id: 'msg_1' })).status).toBe(400);
    expect((await server.deliver(change(), { id: 'msg_1' })).status).toBe(202);
  });
});

describe('a body that is too large', () => {
  test('gets 413, whether signed or not, and leaves an audit entry', async () => {
    await using server = await startWebhookServer();
    const body = JSON.stringify(change({ attributes: { text: 'x'.repeat(256 * 1024) } }));
    expect((await server.deliver(body)).status).toBe(413);
    expect((await server.audited())[0]?.detail).toEqual({ reason: 'tooLarge' });
    expect(server.counts).toEqual({ tooLarge: 1 });
  });

  test('just below the bound is taken', async () => {
    await using server = await startWebhookServer();
    expect((await server.deliver(change({ attributes: { text: 'x'.repeat(250 * 1024) } }))).status).toBe(202);
  });

  test('of which only the beginning comes leaves nothing', async () => {
    await using server = await startWebhookServer();
    const { port } = new URL(server.url);
    const at = seconds(Date.now());
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        const head = [
          'POST /webhooks/cxone HTTP/1.1',
          'host: x',
          'webhook-id: msg_1',
          `webhook-timestamp: ${at}`,
          `webhook-signature: v1,${'A'.repeat(43)}=`,
          'content-length: 100',
        ];
        socket.end(`${head.join('\r\n')}\r\n\r\n{"type"`);
      });
      socket.on('close', () => resolve()).on('error', () => {});
      socket.resume();
    });
    expect((await server.deliver(change())).status).toBe(202);
    expect(await server.eventLog.read({ after: 0, limit: 10 })).toHaveLength(1);
    expect(server.counts).toEqual({ incomplete: 1, accepted: 1 });
  });
});

describe('when the store cannot take it', () => {
  test('the delivery gets 503, is not told to anybody, and is taken when it comes again', async () => {
    let isAway = true;
    await using server = await startWebhookServer({
      wrapStore: (store) => ({
        ...store,
        async takeAll(deliveries) {
          if (isAway) throw new GatewayError('UNAVAILABLE', 'The database is away.');
          return await store.takeAll(deliveries);
        },
      }),
    });
    expect((await server.deliver(change(), { id: 'msg_1' })).status).toBe(503);
    expect(server.changed).toEqual([]);
    expect(server.counts).toEqual({ unavailable: 1 });
    isAway = false;
    expect((await server.deliver(change(), { id: 'msg_1' })).status).toBe(202);
  });

  test('one that breaks it fails alone', async () => {
    await using server = await startWebhookServer({
      wrapStore: (store) => ({
        ...store,
        async takeAll(deliveries) {
          if (deliveries.some(({ id }) => id === 'msg_poison')) throw new Error('cannot store this');
          return await store.takeAll(deliveries);
        },
      }),
    });
    const ids = ['msg_1', 'msg_poison', 'msg_2'];
    const answers = await Promise.all(ids.map((id) => server.deliver(change(), { id })));
    expect(answers.map(({ status }) => status)).toEqual([202, 500, 202]);
  });
});
