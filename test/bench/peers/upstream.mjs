/** What every peer needs of the mock upstream, over undici; and the ids and documents they share with the gateway. */
import { Pool } from 'undici';

export const UPSTREAM_URL = process.env.UPSTREAM_URL ?? '';

const pool = new Pool(UPSTREAM_URL, { connections: 100, pipelining: 1 });
const headers = { authorization: 'Bearer bench', accept: 'application/json' };

export class UpstreamFailure extends Error {
  constructor(status) {
    super(`CXone answered ${status}.`);
    this.status = status;
  }
}

/** @returns the parsed body with the ETag beside it */
async function call(method, path, body) {
  const answer = await pool.request({
    method,
    path,
    headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const json = await answer.body.json();
  if (answer.statusCode >= 300) throw new UpstreamFailure(answer.statusCode);
  return { json, etag: answer.headers.etag };
}

export const rest = {
  book: async (bookId) => (await call('GET', `/api/v2/addressbooks/${bookId}`)).json,
  async contact(bookId, contactId) {
    const { json, etag } = await call('GET', `/api/v2/addressbooks/${bookId}/contacts/${contactId}`);
    return { ...json, bookId, version: etag };
  },
  async contacts(bookId, pageSize) {
    const { json } = await call('GET', `/api/v2/addressbooks/${bookId}/contacts?page=1&pageSize=${pageSize}`);
    return contactPage(bookId, json);
  },
  addToSegment: (segmentId, contactId) => call('POST', `/api/v2/segments/${segmentId}/contacts`, [contactId]),
};

/** A page of CXone's as a connection. */
export function contactPage(bookId, { entities = [], pagination }) {
  return {
    nodes: entities.map((contact) => ({ ...contact, bookId, version: null })),
    pageInfo: { hasNextPage: Boolean(pagination?.nextPage) },
  };
}

/** The parts of a global id of this type. */
export function decodeId(type, id) {
  const prefix = `gid://cxone/${type}/`;
  if (!id.startsWith(prefix)) throw new Error(`not an id of ${type}`);
  return id.slice(prefix.length).split('/').map(decodeURIComponent);
}

export const encodeContactId = ({ bookId, id }) =>
  `gid://cxone/Contact/${encodeURIComponent(bookId)}/${encodeURIComponent(id)}`;
