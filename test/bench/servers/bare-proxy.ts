/**
 * The limit: node:http in front of an undici pool, nothing between. `/call/…` hands one REST call on as it is;
 * `/calls?path=…&count=…&from=…` makes many at once and answers when all are there.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM_URL ?? '', { connections: 100, pipelining: 1 });
const headers = { authorization: 'Bearer bench', accept: 'application/json' };

async function get(path: string): Promise<string> {
  const { body } = await pool.request({ method: 'GET', path, headers });
  return body.text();
}

async function forward(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path,
    headers: { ...headers, 'content-type': 'application/json' },
    body: Buffer.concat(chunks),
  });
  send(response, statusCode, await body.text());
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = request.url ?? '';
  if (url.startsWith('/call/')) {
    const path = url.slice('/call'.length);
    if (request.method === 'POST') await forward(request, response, path);
    else send(response, 200, await get(path));
    return;
  }
  const query = new URLSearchParams(url.split('?')[1]);
  const from = Number(query.get('from'));
  const paths = Array.from({ length: Number(query.get('count')) }, (_, index) =>
    (query.get('path') ?? '').replace('{book}', `b${index % 20}`).replace('{contact}', `c${from + index}`),
  );
  send(response, 200, `[${(await Promise.all(paths.map(get))).join()}]`);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => send(response, 502, '{}'));
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.
  console.log(`http://127.0.0.1:${port}`);
});
