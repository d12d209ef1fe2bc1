/** `import`: asks for an upload, streams the file there, and prints the import's id for the commands that follow. */
import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { GatewayCallError, type GatewayClient } from '../client/gateway-client.ts';
import { CreateImportUploadDocument, type CreateImportUploadInput } from '../client/generated/graphql.ts';
import { counted } from '../client/number-text.ts';
import { EXIT } from './exit-codes.ts';
import { optionOf } from './import-request.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';
import { watchImport } from './watch-import.ts';

export interface ImportFileOptions {
  /** `-` for standard input. */
  readonly file: string;
  readonly input: CreateImportUploadInput;
  readonly watch: boolean;
  readonly json: boolean;
}

/** How often the bytes of a file are sent when the connection breaks; standard input can be read only once. */
const MAX_UPLOADS = 3;

/** @throws UsageError, GatewayCallError @returns the exit code: of the import itself with `watch` */
export async function importFile(
  gateway: GatewayClient,
  { file, input, watch, json }: ImportFileOptions,
  terminal: Terminal,
): Promise<number> {
  const { stdout, stderr } = terminal;
  if (file !== '-') await checkReadable(file);
  const { createImportUpload: result } = await gateway.execute(CreateImportUploadDocument, { input });
  if (!result || !('url' in result)) throw refusal(result);
  const { id } = result.import;

  const uploaded = await upload(result.url, file, terminal);
  if ('refused' in uploaded) {
    stderr.write(`${file} was refused: ${uploaded.refused}\n`);
    return EXIT.importFailed;
  }
  if (!json) {
    stdout.write(`${id}\n`);
    if (uploaded.rows !== null) stderr.write(`${counted(uploaded.rows, 'row')} received.\n`);
    if (!watch) stderr.write(`Its progress: cxone-gateway watch ${id}\n`);
  } else if (!watch) stdout.write(`${JSON.stringify({ id, ...uploaded })}\n`);
  return watch ? watchImport(gateway, { importId: id, json }, terminal) : EXIT.ok;
}

async function checkReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
    if ((await stat(file)).isDirectory()) throw new UsageError(`${file} is a folder. Name a file in it.`);
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    const code = 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw new UsageError(`There is no file ${file}.`);
    if (code === 'EACCES') throw new UsageError(`You may not read ${file}.`);
    throw new UsageError(`${file} cannot be read: ${error.message}.`);
  }
}

interface Refusal {
  readonly __typename?: string;
  readonly message?: string;
  readonly issues?: readonly { readonly path: readonly string[]; readonly message: string }[];
}

function refusal(result: Refusal | null | undefined): Error {
  const lines = result?.issues?.map(({ path, message }) => `${optionOf(path)}: ${message}`);
  const message = lines?.join('\n') ?? result?.message ?? 'The gateway did not take the import.';
  return result?.__typename === 'ValidationError'
    ? new UsageError(message)
    : new GatewayCallError(result?.__typename ?? 'UNKNOWN', message);
}

const receivedSchema = z.object({ bytes: z.number(), rows: z.number() });
const refusedSchema = z.object({ error: z.object({ message: z.string() }) });

/** `rows` is null where they arrived, but the answer that counts them did not. */
type Uploaded = { rows: number | null } | { refused: string };

async function upload(url: string, file: string, { stdin, stderr, signal }: Terminal): Promise<Uploaded> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { status, answer } = await put(url, file, file === '-' ? stdin : createReadStream(file), signal);
      const received = receivedSchema.safeParse(answer);
      if (received.success) return { rows: received.data.rows };
      // The bytes of an attempt before this one are there: only its answer was lost.
      if (status === 409 && attempt > 1) return { rows: null };
      const refused = refusedSchema.safeParse(answer);
      const message = refused.success ? refused.data.error.message : `The upload was answered with status ${status}.`;
      if (status < 500) return { refused: message };
      throw new GatewayCallError('UPLOAD_FAILED', message);
    } catch (error) {
      // An upload that broke leaves nothing behind but the right to try again.
      if (signal.aborted || error instanceof GatewayCallError) throw error;
      if (file === '-' || attempt === MAX_UPLOADS)
        throw new GatewayCallError(
          'UNREACHABLE',
          `The upload to ${new URL(url).origin} broke; nothing was imported. Try again.`,
        );
      stderr.write('The upload broke; starting again …\n');
    }
  }
}

async function put(url: string, file: string, body: Readable, signal: AbortSignal) {
  const request = {
    method: 'PUT',
    body: Readable.toWeb(body),
    duplex: 'half',
    signal,
    headers: file.endsWith('.gz') ? { 'content-encoding': 'gzip' } : {},
  } as const;
  // Node's fetch streams a body; `duplex` is missing from the type of its options.
  const response = await fetch(url, request as RequestInit);
  const answer: unknown = await response.json().catch(() => undefined);
  return { status: response.status, answer };
}
