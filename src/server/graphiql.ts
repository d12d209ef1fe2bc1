/** GraphiQL for browsers, from a package that needs no network. Its 9 MB are loaded when the first browser asks. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';

export interface Graphiql {
  /** Whether the request is a browser's, come to look. */
  isWanted(request: IncomingMessage): boolean;
  send(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** The page brings its scripts and workers with it, as text: nothing of it comes from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' blob:",
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  'worker-src blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page with `defaultQuery` in its editor. Kept compressed, once it has been asked for. */
export function createGraphiql(defaultQuery: string | undefined): Graphiql {
  let page: Promise<Buffer> | undefined;
  return {
    isWanted: ({ method, headers }) => method === 'GET' && headers.accept?.includes('text/html') === true,
    async send(request, response) {
      page ??= renderPage(defaultQuery);
      const compressed = await page;
      const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
      const body = takesGzip ? compressed : await promisify(gunzip)(compressed);
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-length': body.length,
        ...(takesGzip && { 'content-encoding': 'gzip' }),
        'content-security-policy': CONTENT_SECURITY_POLICY,
        vary: 'Accept, Accept-Encoding',
      });
      response.end(body);
    },
  };
}

async function renderPage(defaultQuery: string | undefined): Promise<Buffer> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'CXone gateway',
    endpoint: '/graphql',
    // Of the two ways this one carries the headers that are given in the page, and with them the API key.
    subscriptionsProtocol: 'SSE',
    ...(defaultQuery !== undefined && { defaultQuery }),
  });
  return promisify(gzip)(html, { level: constants.Z_BEST_SPEED });
}
