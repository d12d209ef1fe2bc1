/** One import through a measured gateway, from the announcement of its upload to its last row. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { ask } from './ask.ts';

/** How often an import is asked whether it is over, milliseconds. */
const POLL_MS = 50;

export type ImportFormat = 'csv' | 'ndjson';

export interface ImportRun {
  readonly id: string;
  readonly wallMs: number;
}

/** @throws unless every one of its rows got in */
export async function runImport(
  gatewayUrl: string,
  { file, format, rows, listId }: { file: string; format: ImportFormat; rows: number; listId: string },
): Promise<ImportRun> {
  const startedAt = performance.now();
  const { createImportUpload } = await ask<{ createImportUpload: { url: string; import: { id: string } } }>(
    gatewayUrl,
    `mutation ($input: CreateImportUploadInput!) { createImportUpload(input: $input) {
       ... on CreateImportUploadPayload { url import { id } } } }`,
    {
      input: {
        kind: 'OUTBOUND_CONTACTS',
        targetId: `gid://cxone/ContactList/${listId}`,
        format: format.toUpperCase(),
      },
    },
  );
  const { pathname, search } = new URL(createImportUpload.url);
  const answer = await fetch(gatewayUrl + pathname + search, {
    method: 'PUT',
    headers: { 'content-length': String((await stat(file)).size) },
    body: Readable.toWeb(createReadStream(file, { highWaterMark: 256 * 1024 })),
    duplex: 'half',
  } as RequestInit); // `duplex` is asked for by fetch, and missing in its type.
  if (!answer.ok) throw new Error(`the upload was refused: ${answer.status} ${await answer.text()}`);
  await answer.text();
  const { id } = createImportUpload.import;
  for (;;) {
    const found = await ask<{ import: { state: string; progress: { succeeded: number } } }>(
      gatewayUrl,
      'query ($id: ID!) { import(id: $id) { state progress { succeeded } } }',
      { id },
    );
    const { state, progress } = found.import;
    if (state === 'COMPLETED' && progress.succeeded === rows) return { id, wallMs: performance.now() - startedAt };
    if (state === 'COMPLETED' || /FAIL|CANCEL/.test(state)) {
      throw new Error(`The import ended as ${state} with ${progress.succeeded} of ${rows} rows.`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
