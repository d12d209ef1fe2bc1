/** An import's rejected and failed rows as CSV, streamed page by page from the store. */
import { z } from 'zod';
import type { ImportRow } from '../store/tables.ts';
import { type RejectedRow, rejectionsCsv } from './reading/rejections-csv.ts';
import type { Imports } from './service.ts';

const ROWS_PER_PAGE = 500;
const headerNames = z.array(z.string());

/** The pieces of the file. Repeats of earlier rows are in it as well: whoever mends it may have meant something else. */
export function rejectionsDownload(imports: Pick<Imports, 'rejections'>, row: ImportRow): AsyncIterable<string> {
  const header = row.header_json === null ? null : headerNames.parse(JSON.parse(row.header_json));
  return rejectionsCsv(header, () => rejectedRows(imports, row.id));
}

async function* rejectedRows(imports: Pick<Imports, 'rejections'>, importId: string): AsyncGenerator<RejectedRow> {
  for (let after = 0; ; ) {
    const page = await imports.rejections(importId, { first: ROWS_PER_PAGE, after });
    for (const { row, stage, issues_json, data_json } of page)
      yield { row, stage, issues: JSON.parse(issues_json), data: JSON.parse(data_json) };
    const last = page.at(-1);
    if (!last || page.length < ROWS_PER_PAGE) return;
    after = last.row;
  }
}
