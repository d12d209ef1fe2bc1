import { expect, test } from 'vitest';
import { reasonsOf } from '../../src/dashboard/page/reasons.ts';

const issue = (path: string[], code: string, message = code) => ({ path, code, message });

test('rejected rows are grouped by what was wrong and where, the commonest first, with the first rows as examples', () => {
  const rejections = [1, 2, 3, 4, 5].map((row) => ({
    row,
    stage: 'VALIDATION' as const,
    issues: [issue(['phone'], 'NOT_E164'), ...(row === 1 ? [issue([], 'RAGGED')] : [])],
  }));
  expect(reasonsOf(rejections)).toMatchObject([
    { stage: 'validation', field: 'phone', message: 'NOT_E164', count: 5, firstRows: [1, 2, 3] },
    { stage: 'validation', field: '', count: 1, firstRows: [1] },
  ]);
});

test('the same fault at different indexes is one reason; in different stages it is two', () => {
  const at = (index: string) => issue(['phoneNumbers', index, 'number'], 'NOT_E164');
  const reasons = reasonsOf([
    { row: 1, stage: 'VALIDATION', issues: [at('0')] },
    { row: 2, stage: 'VALIDATION', issues: [at('1')] },
    { row: 3, stage: 'UPSTREAM', issues: [at('0')] },
  ]);
  expect(reasons.map(({ stage, field, count }) => [stage, field, count])).toEqual([
    ['validation', 'phoneNumbers.number', 2],
    ['upstream', 'phoneNumbers.number', 1],
  ]);
});
