/**
 * An upstream that answers at once, so that what is measured is who asks: the parts of CXone's surface that the
 * benchmarks touch, without its rules. What it keeps is what they count.
 *
 * `?limitPerSecond=` of `POST /_mock` limits the writes to segments, `?latencyMs=` delays the answers to imports' rows;
 * `GET /_mock` tells and forgets what was asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const FIRST_NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald'];

function contactJson(id: string): string {
  return `{"id":"${id}","firstName":"${FIRST_NAMES[id.length % 5]}","lastName":"Number ${id}","phoneNumbers":[{"number":"+12015550123","type":"work","primary":true},{"number":"+12015550199","type":"mobile","primary":false}],"emailAddresses":[{"address":"${id}@example.com","type":"work","primary":true}],"customAttributes":{"external_ref_id":"CRM-${id}","loyalty_tier":"gold","score":87,"newsletter":true}}`;
}

const bookJson = (id: string) =>
  `{"id":"${id}","name":"Book ${id}","description":"A book","source":"crm","tags":["a","b"],"fieldDefinitions":[{"name":"external_ref_id","type":"string"},{"name":"loyalty_tier","type":"string"},{"name":"score","type":"integer"},{"name":"newsletter","type":"boolean"}]}`;

const ATTRIBUTES_JSON =
  '{"attributes":[{"name":"loyalty_tier","type":"string"},{"name":"preferred_channel","type":"string"},{"name":"lifetime_value","type":"decimal"},{"name":"days_since_order","type":"integer"}]}';

const pages = new Map<string, string>();
/** A page of a book without end. Made once, as the same one is asked for again and again. */
function pageJson(bookId: string, query: URLSearchParams): string {
  const page = Number(query.get('page') ?? 1);
  const size = Number(query.get('pageSize') ?? 100);
  const key = `${bookId} ${page} ${size}`;
  const known = pages.get(key);
  if (known) return known;
  const entities = Array.from({ length: size }, (_, index) => contactJson(`p${(page - 1) * size + index}`));
  const json = `{"entities":[${entities.join()}],"pagination":{"page":${page},"pageSize":${size},"nextPage":${page + 1}}}`;
  pages.set(key, json);
  return json;
}

let calls = 0;
let segmentWrites = 0;
let limited = 0;
let limitPerSecond = Number.POSITIVE_INFINITY;
let latencyMs = 0;
let recent: number[] = [];
let members = new Set<string>();
const outboundContacts = new Map<string, number>();

/** Whether a call fits the limit: in no second more than so many. */
function isWithinLimit(): boolean {
  if (limitPerSecond === Number.POSITIVE_INFINITY) return true;
  const now = performance.now();
  recent = recent.filter((at) => at > now - 1000);
  if (recent.length >= limitPerSecond) return false;
  recent.push(now);
  return true;
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Rows of an import are counted by their keys, not parsed: this process must not be what is waited for. */
async function countRows(request: IncomingMessage, key: string): Promise<number> {
  let rows = 0;
  let rest = '';
  for await (const chunk of request) {
    const text = rest + (chunk as Buffer).toString('latin1');
    for (let at = text.indexOf(key); at !== -1; at = text.indexOf(key, at + key.length)) rows++;
    rest = text.slice(-(key.length - 1));
  }
  return rows;
}

async function answerSegment(
  request: IncomingMessage,
  response: ServerResponse,
  segmentId: string,
  contactId?: string,
) {
  if (request.method === 'GET' && contactId === undefined) {
    send(
      response,
      200,
      `{"id":"${segmentId}","name":"Segment ${segmentId}","type":"static","memberCount":${members.size}}`,
    );
    return;
  }
  if (request.method === 'GET') {
    const isMember = members.has(`${segmentId} ${contactId}`);
    send(response, 200, JSON.stringify({ contactId, segmentId, isMember }));
    return;
  }
  const ids = JSON.parse(await readText(request)) as string[]; // The contract's body; who sends another gets a 500.
  if (!isWithinLimit()) {
    limited++;
    send(response, 429, '{"message":"too many requests"}', { 'retry-after': '1' });
    return;
  }
  segmentWrites++;
  await latency();
  for (const id of ids) members.add(`${segmentId} ${id}`);
  const answer = `{"successCount":${ids.length},"failureCount":0,"failedContacts":[]}`;
  send(response, 200, answer);
}

/** A contact list with attributes: its schema, the writing of them, its refresh. */
async function answerList(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
  if (path.endsWith('/schema')) send(response, 200, ATTRIBUTES_JSON);
  else if (path.endsWith('/contacts')) {
    const rows = await countRows(request, '"contactId"');
    await latency();
    send(response, 200, `{"processedCount":${rows}}`);
  } else send(response, 202, '{}');
}

const latency = () => (latencyMs > 0 ? new Promise((resolve) => setTimeout(resolve, latencyMs)) : undefined);

async function control(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
  if (request.method === 'POST') {
    limitPerSecond = Number(query.get('limitPerSecond') ?? Number.POSITIVE_INFINITY);
    latencyMs = Number(query.get('latencyMs') ?? 0);
  }
  send(response, 200, JSON.stringify({ calls, segmentWrites, limited, members: members.size }));
  calls = segmentWrites = limited = 0;
  members = new Set();
  recent = [];
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '', queryString] = (request.url ?? '').split('?');
  const query = new URLSearchParams(queryString);
  if (path === '/_mock') return control(request, response, query);
  calls++;
  const [, , , resource, id = '', things, thingId] = path.split('/');
  if (path.endsWith('/token')) {
    await readText(request);
    send(response, 200, '{"access_token":"bench","expires_in":3600,"token_type":"Bearer"}');
  } else if (resource === 'addressbooks' && things === undefined) send(response, 200, bookJson(id));
  else if (resource === 'addressbooks' && thingId === undefined) send(response, 200, pageJson(id, query));
  else if (resource === 'addressbooks') send(response, 200, contactJson(thingId ?? ''), { etag: `"v-${thingId}"` });
  else if (resource === 'segments' && things === 'refresh') send(response, 202, '{}');
  else if (resource === 'segments') await answerSegment(request, response, id, thingId);
  else if (path.startsWith('/api/v2/outbound/contactlists/')) {
    const list = things ?? '';
    const before = outboundContacts.get(list) ?? 0;
    if (request.method === 'POST') {
      const rows = await countRows(request, '"externalId"');
      outboundContacts.set(list, before + rows);
      await latency();
      send(response, 200, `{"accepted":${rows}}`);
    } else send(response, 200, `{"id":"${list}","name":"List","totalContactCount":${before}}`);
  } else if (resource === 'contactlists' && things === 'records') {
    const rows = await countRows(request, '"contactId"');
    await latency();
    send(response, 200, `{"id":"${id}","recordsCreated":${rows},"warnings":[],"errors":[]}`);
  } else if (path.startsWith('/api/v2/contacts/lists/')) await answerList(request, response, path);
  else send(response, 404, '{"message":"not mocked"}');
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => {
    if (!response.headersSent) send(response, 500, '{}');
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo; // A listener on TCP always has one.
  console.log(`http://127.0.0.1:${port}`);
});
