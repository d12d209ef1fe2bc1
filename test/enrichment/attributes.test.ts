import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttributeDefinition } from '../../src/contact-lists/model.ts';
import { castAttributes, dropEmpty, maxEnrichmentBatch, toCampaign } from '../../src/enrichment/model.ts';

const DEFINITIONS: AttributeDefinition[] = [
  { name: 'tier', type: 'string' },
  { name: 'visits', type: 'integer' },
  { name: 'score', type: 'decimal' },
];

const cast = (attributes: Record<string, unknown>) => castAttributes(attributes, DEFINITIONS);

describe('attributes', () => {
  it('without a value are left out', () => {
    const empty = { a: null, b: '', c: 'null', d: 'NULL', e: 'N/A', f: undefined };
    expect(dropEmpty({ ...empty, zero: 0, no: false, space: ' ', nil: 'Null' })).toEqual({
      zero: 0,
      no: false,
      space: ' ',
      nil: 'Null',
    });
  });

  it('are cast to the types of the list', () => {
    expect(cast({ tier: 7, visits: '42', score: '-1.50' })).toEqual({
      attributes: { tier: '7', visits: 42, score: -1.5 },
    });
    // As spreadsheets write large and small numbers.
    expect(cast({ tier: '1E+05', visits: '1E+05', score: '2.5e-3' })).toEqual({
      attributes: { tier: '1E+05', visits: 100_000, score: 0.0025 },
    });
    expect(cast({ tier: true, visits: 42.0, score: 3 })).toEqual({
      attributes: { tier: 'true', visits: 42, score: 3 },
    });
  });

  it.each([
    [{ visits: 4.5 }, 'WRONG_TYPE'],
    [{ visits: '4.5' }, 'WRONG_TYPE'],
    [{ visits: '9007199254740993' }, 'WRONG_TYPE'],
    [{ score: 'high' }, 'WRONG_TYPE'],
    [{ score: '0x10' }, 'WRONG_TYPE'],
    [{ score: '1e400' }, 'WRONG_TYPE'],
    [{ visits: '1.5E+00' }, 'WRONG_TYPE'],
    [{ score: Number.POSITIVE_INFINITY }, 'WRONG_TYPE'],
    [{ tier: { a: 1 } }, 'WRONG_TYPE'],
    [{ tier: 'a\u0000b' }, 'WRONG_TYPE'],
    [{ unknown: 1 }, 'UNKNOWN_ATTRIBUTE'],
    [{ Tier: 'x' }, 'UNKNOWN_ATTRIBUTE'],
  ])('that do not fit are named: %j', (attributes, code) => {
    const path = ['attributes', Object.keys(attributes)[0]];
    expect(cast(attributes)).toMatchObject({ issues: [{ path, code }] });
  });

  it('of any JSON are either of the list’s types or refused', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('tier', 'visits', 'score', 'other'), fc.jsonValue()), (given) => {
        const result = cast(dropEmpty(given));
        if ('issues' in result) return result.issues.length > 0;
        const { tier = '', visits = 0, score = 0 } = result.attributes;
        return typeof tier === 'string' && Number.isSafeInteger(visits) && Number.isFinite(score);
      }),
    );
  });
});

describe('a campaign', () => {
  const campaign = (maxEnrichmentTimeout: number | null | undefined) =>
    toCampaign({ campaignId: 'c', status: 'RUNNING', maxEnrichmentTimeout });

  it.each([
    [3000, 300],
    [3009, 300],
    [5, 0],
    [0, 0],
    [-100, 0],
    [undefined, 0],
    [null, 0],
    [1e12, Math.floor((2 ** 31 - 1) / 10)],
  ])('with a timeout of %s ms has room for %s contacts', (timeout, expected) => {
    expect(maxEnrichmentBatch(campaign(timeout))).toBe(expected);
  });
});
