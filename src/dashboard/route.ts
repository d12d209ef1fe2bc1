/** The dashboard's page and its assets, under a policy that lets it load and call nothing but this gateway. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Exchange, Route } from '../server/routes.ts';
import { BUILT_PAGE, buildDashboard } from './build.ts';
import { type BuiltPage, type PageFile, readBuiltPage } from './built-page.ts';

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A year, in seconds: the longest that RFC 9111 suggests. */
const FOREVER = 'public, max-age=31536000, immutable';

/**
 * `/` and `/assets/…`. The page is read when the first browser asks; where it has not been built (an installation
 * without scripts), it is built then, or the answer says how to.
 */
export function dashboardRoutes(): Route[] {
  let reading: Promise<BuiltPage | null> | undefined;

  async function page(): Promise<BuiltPage | null> {
    reading ??= readOrBuild();
    const read = await reading.catch((error: unknown) => {
      reading = undefined;
      throw error;
    });
    // Somebody may build it while the gateway runs.
    if (read === null) reading = undefined;
    return read;
  }

  return [
    {
      method: 'GET',
      pattern: '/',
      async handle(exchange) {
        const built = await page();
        if (built) send(exchange, built.index, 'no-cache');
        else sendText(exchange, 503, 'The dashboard has not been built. Run: npm ci && npm run build:dashboard\n');
      },
    },
    {
      method: 'GET',
      pattern: '/assets/:name',
      async handle(exchange) {
        const file = (await page())?.assets.get(exchange.params.name ?? '');
        if (file) send(exchange, file, FOREVER);
        else sendText(exchange, 404, 'There is no such file.\n');
      },
    },
  ];
}

async function readOrBuild(): Promise<BuiltPage | null> {
  const built = await readBuiltPage(BUILT_PAGE);
  if (built) return built;
  return (await buildDashboard()) ? readBuiltPage(BUILT_PAGE) : null;
}

function send({ request, response }: Exchange, file: PageFile, cacheControl: string): void {
  response.setHeader('cache-control', cacheControl);
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
  response.setHeader('etag', file.etag);
  response.setHeader('vary', 'Accept-Encoding');
  if (isCurrent(request, file.etag)) {
    response.writeHead(304).end();
    return;
  }
  const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  if (takesGzip) response.setHeader('content-encoding', 'gzip');
  writeBody(response, 200, file.contentType, takesGzip ? file.gzipped : file.bytes);
}

/** RFC 9110, 13.1.2: any of the listed tags, compared weakly. */
function isCurrent({ headers }: IncomingMessage, etag: string): boolean {
  const listed = headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return listed?.some((tag) => tag === etag || tag === '*') ?? false;
}

function sendText({ response }: Exchange, status: number, text: string): void {
  writeBody(response, status, 'text/plain; charset=utf-8', Buffer.from(text));
}

/** Node leaves the body out where the request is a HEAD. */
function writeBody(response: ServerResponse, status: number, contentType: string, body: Buffer): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': body.length }).end(body);
}
