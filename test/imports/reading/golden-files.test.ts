import { readFile as readBytes } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { ReadOptions } from '../../../src/imports/reading/row-reader.ts';
import { readFile } from './read-file.ts';

const FILES: [string, Partial<ReadOptions>][] = [
  ['dirty', { encoding: 'UTF_8' }],
  ['excel-german', { encoding: 'WINDOWS_1252' }],
];

it.each(FILES)(
  'golden/%s.csv gives exactly the rows and issues of the golden/*.json beside it',
  async (name, options) => {
    const content = await readBytes(new URL(`golden/${name}.csv`, import.meta.url));
    const golden: unknown = JSON.parse(await readBytes(new URL(`golden/${name}.json`, import.meta.url), 'utf8'));
    for (const blockBytes of [1, 7, 64 * 1024]) {
      const { header, rows, replacements } = await readFile(content, options, blockBytes);
      expect({ header, rows, replacements }).toEqual(golden);
    }
  },
);
