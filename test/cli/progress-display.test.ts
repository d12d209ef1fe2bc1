import { expect, test } from 'vitest';
import { createProgressDisplay } from '../../src/cli/progress-display.ts';
import type { ImportNewsFragment } from '../../src/client/generated/graphql.ts';

const COLUMNS = 60;

function event(done: number): ImportNewsFragment {
  return {
    cursor: 'c',
    at: '2026-01-02T03:04:05.000Z',
    type: 'BATCH_FINISHED',
    import: {
      id: 'gid://cxone/Import/1',
      kind: 'OUTBOUND_CONTACTS',
      state: 'RUNNING',
      failure: null,
      createdBy: 'test',
      createdAt: '2026-01-02T03:04:00.000Z',
      startedAt: null,
      finishedAt: null,
    },
    progress: {
      received: 1000,
      valid: 1000,
      rejected: 0,
      duplicates: 0,
      succeeded: done,
      skipped: 0,
      failed: 0,
      unknown: 0,
      pending: 1000 - done,
      batchesTotal: 10,
      batchesDone: done / 100,
      percent: done / 10,
      rowsPerSecond: 50,
      etaSeconds: 75,
    },
    batch: null,
  };
}

function display(isTTY: boolean) {
  const written: string[] = [];
  const output = { isTTY, columns: COLUMNS, write: (text: string) => written.push(text) > 0 };
  return { written, display: createProgressDisplay(output as Parameters<typeof createProgressDisplay>[0]) }; // The rest of a stream is not used.
}

test('on a terminal one bar is drawn over itself, never wider than the terminal, and left behind at the end', () => {
  const { written, display: bar } = display(true);
  bar.show(event(0));
  bar.show(event(500));
  bar.end();
  expect(written).toHaveLength(3);
  // The bar is as short as it must be for the numbers to be there, up to the last.
  expect(written[0]).toContain(`${'░'.repeat(20)} 0 %  0 of 1,000  50/s  1 min 15 s left`);
  expect(written[1]).toContain(`${'█'.repeat(9)}${'░'.repeat(8)} 50 %  500 of 1,000  50/s  1 min 15 s left`);
  for (const drawn of written.slice(0, 2)) {
    expect(drawn.startsWith('\r\u001b[2K')).toBe(true);
    expect(drawn.replace('\r\u001b[2K', '').length).toBeLessThan(COLUMNS);
  }
  expect(written[2]).toBe('\n');
});

test('what is almost done is not said to be done, and one is one', () => {
  const { written, display: lines } = display(false);
  const almost = event(9999);
  lines.show({ ...almost, progress: { ...almost.progress, valid: 10_000, pending: 1, duplicates: 1, percent: 99.99 } });
  expect(written).toEqual(['03:04:05Z  BATCH_FINISHED  99.9 %  9,999 of 10,000  1 duplicate\n']);
});

test('elsewhere every event is a line, without control characters', () => {
  const { written, display: lines } = display(false);
  lines.show(event(500));
  lines.end();
  expect(written).toEqual(['03:04:05Z  BATCH_FINISHED  50 %  500 of 1,000\n']);
});
