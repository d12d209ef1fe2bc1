import { expect, test } from 'vitest';
import { expectedCounts, outboundContacts } from '../../src/samples/outbound-contacts.ts';
import { sampleFile } from '../../src/samples/sample-file.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { createUpload, finished, put } from '../support/imports.ts';

const SAMPLE = { rows: 25_000, dirtyShare: 0.04, seed: 7 };

test('25 000 rows, 4 % of them dirty: every count is exact and the list holds just the valid unique ones', async () => {
  await using gateway = await startGateway();
  const { id, url } = await createUpload(gateway);
  const text = [...sampleFile(outboundContacts(SAMPLE), 'csv')].join('');
  expect(await put(url, text)).toMatchObject({ status: 200, body: { rows: SAMPLE.rows } });

  const counts = expectedCounts(SAMPLE);
  const outcome = await finished(gateway, id);
  expect(outcome).toMatchObject({
    state: 'COMPLETED',
    progress: {
      received: SAMPLE.rows,
      rejected: counts.rejected,
      duplicates: counts.duplicates,
      valid: counts.valid,
      succeeded: counts.valid,
      failed: 0,
      unknown: 0,
      pending: 0,
    },
    report: { verification: { countBefore: 0, countAfter: counts.valid, matches: true } },
  });

  const { control } = gateway.sandbox;
  const list = DEMO_IDS.contactLists.importTrial;
  expect(control.state.contactList(list).total).toBe(counts.valid);
  expect(control.state.outboundDuplicates(list)).toEqual([]);
  const { violations, peakPerSecond } = control.requests();
  expect(violations).toEqual([]);
  expect(peakPerSecond.outbound).toBeLessThanOrEqual(50);
});
