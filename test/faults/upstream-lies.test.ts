/** faults.md, "Upstream faults": answers that are whole but not true. Never a success that was not, nothing cached. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { addThingsToRead, ask, READS } from './reads.ts';
import { UNLIMITED } from './unlimited.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway(UNLIMITED);
  addThingsToRead(gateway, 1000);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const CANARY = 'canary-from-upstream';
const JSON_TYPE = { 'content-type': 'application/json' };

/** Whole answers with status 200 that are not what was asked for. */
const LIES: Record<string, Fault> = {
  null: { json: null },
  'a number': { json: 7 },
  'an empty text': { json: '' },
  'a text': { json: CANARY },
  nothing: { text: '', headers: JSON_TYPE },
  'an error object': { json: { code: 'Oops', message: CANARY } },
  'an error object of another form': { json: { error: { reason: CANARY } } },
  'a page of HTML': { text: `<html>${CANARY}</html>` },
  'HTML that says it is JSON': { text: `<html>${CANARY}</html>`, headers: JSON_TYPE },
  'JSON that says it is HTML': { headers: { 'content-type': 'text/html' } },
  'wrong types': { json: { id: 7, name: { [CANARY]: true }, entities: 'none', attributes: 7, pagination: CANARY } },
  'things of wrong types': { json: { entities: [7, null, CANARY], attributes: [7], id: [], name: null } },
  'half of it': { truncate: true },
  'half of it, then the end': { cut: 'early-end' },
};

/** Such things have no lists; a page may be as empty as this. */
const LIES_ABOUT_ONE: Record<string, Fault> = {
  'an empty list': { json: [] },
  'an empty object': { json: {} },
  'another one': { merge: { id: 'another', campaignId: 'another', contactId: 'another' } },
  'one without what is needed of it': { omit: ['id', 'campaignId', 'isMember'] },
  'one with an empty id': { merge: { id: '', campaignId: '', contactId: '' } },
  'one in its prototype': { text: '{"__proto__":{"id":"book-customers","name":"x"}}', headers: JSON_TYPE },
};

let index = 0;

describe.each(READS)('$name', (read) => {
  const lies = { ...LIES, ...(read.byId && LIES_ABOUT_ONE) };
  test.each(Object.entries(lies))('%s is an UPSTREAM_ERROR, and the truth is told afterwards', async (_name, fault) => {
    index += 1;
    const { control } = gateway.sandbox;
    const { hits } = await withFault({ method: read.method, path: read.path, ...fault }, async () => {
      const lied = await ask(gateway, read, index);
      expect(lied.code).toBe('UPSTREAM_ERROR');
      expect(lied.text).not.toContain(CANARY);
    });
    expect(hits).toBeGreaterThan(0);
    expect(hits).toBeLessThanOrEqual(4);
    expect(control.faults()).toEqual([]);
    expect((await ask(gateway, read, index)).code).toBe('OK');
  });
});

async function withFault(fault: Fault, run: () => Promise<void>): Promise<{ hits: number }> {
  const programmed = gateway.sandbox.control.fail(fault);
  try {
    await run();
    return { hits: programmed.hits };
  } finally {
    gateway.sandbox.control.clearFaults();
  }
}
