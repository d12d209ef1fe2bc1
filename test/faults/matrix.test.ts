import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MATRIX } from './matrix.ts';

/** Whether a file has a test of that title. A table that several files run stands in one that is no test by itself. */
function hasTest(place: string): boolean {
  const separator = place.indexOf(': ');
  const path = resolve(import.meta.dirname, '..', place.slice(0, separator));
  const source = readFileSync(existsSync(`${path}.test.ts`) ? `${path}.test.ts` : `${path}.ts`, 'utf8');
  const title = place.slice(separator + 2);
  return ["'", '"', '`'].some((quote) => source.replaceAll(/\(\s+/g, '(').includes(`(${quote}${title}${quote},`));
}

describe.each(Object.entries(MATRIX))('%s', (_section, rows) => {
  test.each(rows)('$fault: held by tests that are there, or it says why not', ({ tests, untested }) => {
    expect(tests.filter((place) => !hasTest(place))).toEqual([]);
    expect(tests.length > 0).toBe(untested === undefined);
  });
});
