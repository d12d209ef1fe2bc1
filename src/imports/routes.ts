/** The links of imports: the upload's bytes in, the rejected rows out. A signed token in the link is all they need. */
import { pipeline } from 'node:stream/promises';
import { newUpstreamTally } from '../cxone/call-context.ts';
import { errorPolicy, GatewayError, INTERNAL_ERROR, NotFoundError, ValidationError } from '../errors.ts';
import { sendJson } from '../server/respond.ts';
import type { Exchange, Route } from '../server/routes.ts';
import { MAX_UPLOAD_BYTES, UploadExpiredError } from './import-intake.ts';
import type { LinkUse } from './link-tokens.ts';
import { importGlobalId } from './model.ts';
import { FileTooLargeError, UnreadableFileError } from './reading/file-errors.ts';
import { rejectionsDownload } from './rejections-download.ts';
import type { Imports } from './service.ts';

export function importRoutes(imports: Imports): Route[] {
  return [
    {
      method: 'PUT',
      pattern: '/uploads/:importId',
      // An upload takes as long as its size and the store; a sender that only trickles is cut off by its pace.
      bodyTimeoutMs: null,
      handle: (exchange) => receiveUpload(imports, exchange),
    },
    {
      method: 'GET',
      pattern: '/imports/:importId/rejections.csv',
      handle: (exchange) => sendRejections(imports, exchange),
    },
  ];
}

async function receiveUpload(imports: Imports, exchange: Exchange): Promise<void> {
  const { request, response, requestId, signal, params } = exchange;
  const { importId = '' } = params;
  try {
    await checkToken(imports, exchange, importId, 'upload');
    const contentEncoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity';
    if (contentEncoding !== 'identity' && contentEncoding !== 'gzip')
      throw new UploadRefusal(415, 'The content encoding must be gzip, or none.');
    if (Number(request.headers['content-length'] ?? 0) > MAX_UPLOAD_BYTES)
      throw new FileTooLargeError('bytes', MAX_UPLOAD_BYTES);
    const call = { requestId, lane: { kind: 'import', key: importId }, signal, tally: newUpstreamTally() } as const;
    const { bytes, rows } = await imports.receive(importId, request, { contentEncoding, call });
    sendJson(response, 200, { import: importGlobalId(importId), bytes, rows });
  } catch (error) {
    if (response.destroyed || signal.aborted) throw error;
    sendRefusal(exchange, error);
  }
}

async function sendRejections(imports: Imports, exchange: Exchange): Promise<void> {
  const { response, signal, params } = exchange;
  const { importId = '' } = params;
  try {
    await checkToken(imports, exchange, importId, 'rejections');
    const row = await imports.get(importId);
    if (!row) throw new NotFoundError('There is no such import. Check its id.');
    response.writeHead(200, {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="rejections-${importId}.csv"`,
    });
    await pipeline(rejectionsDownload(imports, row), response, { signal });
  } catch (error) {
    if (response.headersSent || response.destroyed) throw error;
    sendRefusal(exchange, error);
  }
}

/** An answer with a status that no code of the error family has. */
class UploadRefusal extends GatewayError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(status === 401 ? 'UNAUTHENTICATED' : 'BAD_USER_INPUT', message);
    this.status = status;
  }
}

/** @throws NotFoundError; UploadRefusal 401; UploadExpiredError. Ids of imports cannot be guessed: to say that there is none gives nothing away. */
async function checkToken(imports: Imports, { query }: Exchange, importId: string, use: LinkUse): Promise<void> {
  if (!(await imports.get(importId))) throw new NotFoundError('There is no such import. Check its id.');
  const verdict = imports.checkLink(query.get('token') ?? '', importId, use);
  if (verdict === 'forged') throw new UploadRefusal(401, 'The link is not valid: copy it whole, with its token.');
  if (verdict === 'expired') throw new UploadExpiredError('The link has expired: ask for a new one.');
}

/** interface.md, "Upload answers". */
function refusalStatus(error: unknown): number {
  if (error instanceof UploadRefusal) return error.status;
  if (error instanceof UploadExpiredError) return 410;
  if (error instanceof FileTooLargeError) return 413;
  // A file whose columns do not fit the import's mapping is as unusable as one that cannot be read.
  if (error instanceof UnreadableFileError || error instanceof ValidationError) return 422;
  return errorPolicy(error).httpStatus;
}

function sendRefusal({ request, response, requestId, log }: Exchange, error: unknown): void {
  const { code, clientVisible } = errorPolicy(error);
  if (!clientVisible) log.error({ error }, 'an upload broke');
  const message = clientVisible && error instanceof Error ? error.message : INTERNAL_ERROR;
  const position = error instanceof UnreadableFileError ? { row: error.row, column: error.column } : {};
  // The rest of a refused file is not worth receiving.
  if (!request.complete) response.setHeader('connection', 'close');
  sendJson(response, refusalStatus(error), { error: { code, message, requestId, ...position } });
}
