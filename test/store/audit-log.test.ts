import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AuditEntry, type AuditFilter, createAuditLog, type NewAuditEntry } from '../../src/store/audit-log.ts';
import { startChild } from './child-process.ts';
import { ENGINES, openFreshDatabase } from './open-database.ts';

const entry = (more: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  actor: 'alice',
  action: 'contact.update',
  subject: 'c-1',
  outcome: 'SUCCEEDED',
  ...more,
});

describe.each(ENGINES)('the audit log on %s', (engine) => {
  test('gives entries back whole, with the fraction of their latency', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const log = createAuditLog({ database });
    const full = entry({
      recordCount: 100,
      latencyMs: 12.75,
      requestId: 'req-1',
      upstreamRequestId: 'up-1',
      detail: { encoding: 'windows-1252', replacements: 3, nested: { list: [null, 'ü'] } },
    });
    const id = await log.append(database.db, full);
    const bareId = await log.append(database.db, entry());
    const { entries, hasNextPage } = await log.page({ first: 10 });
    expect(entries).toMatchObject([
      { ...entry(), id: bareId, detail: {} },
      { ...full, id },
    ]);
    expect(entries[1]?.at).toBeGreaterThan(Date.UTC(2020));
    expect(hasNextPage).toBe(false);
  });

  test('what was noted is there after kill -9 of whoever noted it', async () => {
    await using opened = await openFreshDatabase(engine);
    await using child = startChild('note-audit.ts', opened.url);
    for (let n = 0; n < 20; n++) await child.nextLine();
    child.signal('SIGKILL');
    // Written before the kill, read after it.
    const noted = 20 + (await child.remainingLines()).length;
    expect(await child.ended()).toBe('SIGKILL');
    const { entries } = await createAuditLog({ database: await opened.openAgain() }).page({ first: 100_000 });
    // At most the one commit whose acknowledgement the kill cut off.
    expect(entries.length - noted).toBeLessThanOrEqual(1);
    expect(entries.map(({ subject }) => Number(subject)).toReversed()).toEqual(entries.map((_entry, n) => n + 1));
  });

  test('thousands of entries are noted together, or none of them', async () => {
    await using opened = await openFreshDatabase(engine);
    const log = createAuditLog({ database: opened.database });
    const many = Array.from({ length: 2_500 }, (_, n) => entry({ subject: String(n) }));
    await log.note(many);
    expect((await log.page({ first: 10_000 })).entries.map(({ subject }) => subject)).toEqual(
      many.map(({ subject }) => subject).toReversed(),
    );
    const broken = entry({ actor: null as unknown as string });
    await expect(log.note([...many, broken])).rejects.toThrow();
    expect((await log.page({ first: 10_000 })).entries).toHaveLength(2_500);
  });

  test('an entry of a transaction that fails is not there', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const log = createAuditLog({ database });
    await expect(
      database.transaction(async (tx) => {
        await log.append(tx, entry());
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect((await log.page({ first: 10 })).entries).toEqual([]);
  });

  test('pages of any size, by any filter, walk through exactly what fits, newest first', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const log = createAuditLog({ database });
    const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
    for (let n = 0; n < 60; n++) {
      const id = await log.append(
        database.db,
        entry({
          actor: pick(['alice', 'bob'], n),
          action: pick(['a', 'b', 'c'], n),
          subject: pick(['x', 'y', 'z', 'x'], n >> 1),
          outcome: pick(['SUCCEEDED', 'FAILED', 'REJECTED'], n >> 2),
        }),
      );
      // Several entries in one millisecond, and some stored late: the order is by time, then by number.
      await database.db
        .updateTable('audit_entries')
        .set({ at: 1_000 + ((n * 7) % 10) })
        .where('id', '=', id)
        .execute();
    }
    const all = (await log.page({ first: 100 })).entries;
    expect(all).toHaveLength(60);
    expect(all).toEqual(all.toSorted((a, b) => b.at - a.at || b.id - a.id));

    const fits = (each: AuditEntry, filter: AuditFilter) =>
      (filter.actor ?? each.actor) === each.actor &&
      (filter.action ?? each.action) === each.action &&
      (filter.subject ?? each.subject) === each.subject &&
      (filter.outcome ?? each.outcome) === each.outcome &&
      each.at >= (filter.sinceMs ?? 0) &&
      each.at < (filter.untilMs ?? Number.POSITIVE_INFINITY);
    const filters = fc.record(
      {
        actor: fc.constantFrom('alice', 'bob', 'nobody'),
        action: fc.constantFrom('a', 'b', 'c'),
        subject: fc.constantFrom('x', 'y', 'z'),
        outcome: fc.constantFrom('SUCCEEDED' as const, 'FAILED' as const, 'REJECTED' as const),
        sinceMs: fc.integer({ min: 995, max: 1_012 }),
        untilMs: fc.integer({ min: 995, max: 1_012 }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 1, max: 25 }), async (filter, first) => {
        const walked: AuditEntry[] = [];
        for (let after: number | undefined; ; after = walked.at(-1)?.id) {
          const page = await log.page({ first, after, filter });
          walked.push(...page.entries);
          if (!page.hasNextPage) break;
          expect(page.entries).toHaveLength(first);
        }
        expect(walked).toEqual(all.filter((each) => fits(each, filter)));
      }),
      { numRuns: 40 },
    );
  });

  test('after an entry that is not there comes nothing', async () => {
    await using opened = await openFreshDatabase(engine);
    const { database } = opened;
    const log = createAuditLog({ database });
    await log.append(database.db, entry());
    expect(await log.page({ first: 10, after: 99 })).toEqual({ entries: [], hasNextPage: false });
  });
});
