/**
 * The floor of a read: the request is read, CXone asked over undici's dispatcher, its answers are parsed, checked and
 * written as the schema shows them, and nothing else. It knows only the documents that the benchmark asks with.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM_URL ?? '', { connections: 100, pipelining: 1 });
const headers = { authorization: 'Bearer bench', accept: 'application/json' };

type Json = Record<string, unknown>;

interface Answer {
  readonly body: Json;
  readonly etag: string | null;
}

function get(path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let status = 0;
    let etag: string | null = null;
    pool.dispatch(
      { method: 'GET', path, headers },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode, head) {
          status = statusCode;
          etag = typeof head.etag === 'string' ? head.etag : null;
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          if (status !== 200) reject(new Error(`CXone answered ${status}.`));
          else resolve({ body: JSON.parse(Buffer.concat(chunks).toString()), etag });
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

function phoneOf({ number, type, primary }: Json): Json {
  if (typeof number !== 'string' || typeof type !== 'string' || typeof primary !== 'boolean') throw new Error('phone');
  return { number, type, primary };
}

function emailOf({ address, type, primary }: Json): Json {
  if (typeof address !== 'string' || typeof type !== 'string' || typeof primary !== 'boolean') throw new Error('email');
  return { address, type, primary };
}

function contactOf(bookId: string, wire: Json): Json {
  const { id, firstName, lastName, phoneNumbers, emailAddresses } = wire;
  if (typeof id !== 'string' || typeof firstName !== 'string' || typeof lastName !== 'string') throw new Error('names');
  if (!Array.isArray(phoneNumbers) || !Array.isArray(emailAddresses)) throw new Error('lists');
  if (typeof wire.customAttributes !== 'object' || wire.customAttributes === null) throw new Error('attributes');
  const customAttributes = wire.customAttributes as Json; // Whatever its values are: none is looked into.
  return {
    id: `gid://cxone/Contact/${encodeURIComponent(bookId)}/${encodeURIComponent(id)}`,
    cxoneId: id,
    firstName,
    lastName,
    phoneNumbers: phoneNumbers.map(phoneOf),
    emailAddresses: emailAddresses.map(emailOf),
    customAttributes,
    externalRefId: customAttributes.external_ref_id ?? null,
  };
}

async function readContact(globalId = ''): Promise<Json> {
  const [, , , , bookId = '', contactId = ''] = globalId.split('/');
  const { body, etag } = await get(`/api/v2/addressbooks/${bookId}/contacts/${contactId}`);
  return { ...contactOf(bookId, body), version: etag };
}

async function readPage(globalId = ''): Promise<Json> {
  const [, , , , bookId = ''] = globalId.split('/');
  const { body: book } = await get(`/api/v2/addressbooks/${bookId}`);
  const { body: page } = await get(`/api/v2/addressbooks/${bookId}/contacts?page=1&pageSize=100`);
  const { entities, pagination } = page as { entities: Json[]; pagination: Json }; // As the mock upstream answers.
  return {
    id: globalId,
    name: book.name,
    contacts: {
      nodes: entities.map((wire) => contactOf(bookId, wire)),
      pageInfo: { hasNextPage: Boolean(pagination.nextPage) },
    },
  };
}

async function read(query: string, variables: Readonly<Record<string, string>>): Promise<Json> {
  if (query.startsWith('query One')) return { contact: await readContact(variables.id) };
  if (query.startsWith('query Page')) return { addressBook: await readPage(variables.id) };
  const ids = Object.values(variables);
  const contacts = await Promise.all(ids.map(readContact));
  return Object.fromEntries(contacts.map((contact, index) => [`a${index}`, contact]));
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { query, variables } = JSON.parse(Buffer.concat(chunks).toString());
  const text = JSON.stringify({ data: await read(query, variables) });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.writeHead(502).end());
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.
  console.log(`http://127.0.0.1:${port}`);
});
