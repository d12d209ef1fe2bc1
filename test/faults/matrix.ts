/**
 * The rows of faults.md, section 3, with the number that each of them promises, and the tests that hold it: the file
 * below `test/` and the title. What one machine cannot show, or is decided otherwise, says why.
 */
export interface Row {
  readonly fault: string;
  readonly promise: string;
  readonly tests: readonly `${string}: ${string}`[];
  readonly untested?: string;
}

type Entry = readonly [fault: string, promise: string, ...tests: Row['tests']];

const rows = (entries: readonly Entry[]): Row[] =>
  entries.map(([fault, promise, ...tests]) => ({ fault, promise, tests }));

const UPSTREAM = rows([
  [
    '429, Retry-After in seconds or as a date',
    'no request before its time, the next within 2 s of it; an import keeps it over a restart',
    'faults/upstream-rate-limits: Retry-After in seconds: no request before its time, one soon after, and the value',
    'faults/upstream-rate-limits: Retry-After as a date: the same',
    'faults/upstream-rate-limits: Retry-After %s, and the process dies with the answer: the next one starts, and sends nothing before its time',
    'cxone/slow-down: after a 429 nobody of the group is sent before its Retry-After is over',
  ],
  [
    'Retry-After of 3600 and of centuries',
    'RATE_LIMITED at once, after one request',
    'faults/upstream-rate-limits: Retry-After %s: RATE_LIMITED at once, after one request',
  ],
  [
    'Retry-After of 0, negative, past, garbage, none',
    'gaps of 50 ms and more, at most 6 tries',
    'faults/upstream-rate-limits: Retry-After %s: a backoff of our own, 50 ms at least each, six requests at most',
  ],
  [
    '429 on every replica',
    'all together within the limit in any second',
    'replicas/shared-limits: replicas that come, go and are killed under full load stay within one limit, and use it',
    'replicas/shared-limits: what one replica learns from a 429 all obey, also one that starts after it',
  ],
  [
    'limits of five kinds',
    'none of them ever exceeded',
    'cxone/limiter-window: never more than the limit arrive in any second, however they come and however long they take',
    'cxone/connections: at most 15 calls of an address book are under way, however many come at once',
    'enrichment/contact-rate: is never above 500 in any one second, however calls come and however long they take',
    'segments/shared-calls: are written to at most three segments at a time for one contact',
  ],
  [
    'three 429 in a row',
    'of 100 reads at most 5 requests, all answered at once; closed within 3 cool times',
    'faults/upstream-rate-limits: stop asking: of 100 reads at most 5 reach CXone, and all are answered at once',
    'faults/upstream-rate-limits: are forgotten within three times the cool time once CXone has recovered',
  ],
  [
    '500, 502, 503, 504 with a page of HTML; resets, early ends, half JSON, garbage, of reads',
    'once: the value; for ever: at most 6 tries, no HTML',
    'faults/upstream-outages: %s, once: the value all the same',
    'faults/upstream-outages: %s, for ever: UPSTREAM_ERROR after few requests',
    'cxone/hostile-answers: markup never reaches a message',
  ],
  [
    'a storm of 200 failing reads',
    'at most 300 requests',
    'faults/upstream-outages: a storm of 200 failing reads makes at most 300 requests',
  ],
  [
    'no answer, slow head, slow body',
    'over within 12 s, no socket left',
    'faults/upstream-outages: %s: over within 12 s, by a deadline that is not of the idle kind, and no socket is left',
  ],
  [
    'lost answers of writes',
    'success only if applied, a plain failure only if not, never twice',
    'faults/lost-answers: %s, %s: nothing untrue is said',
    'imports/contacts: rows are counted right under limits, errors and lost answers, and no contact is there twice',
  ],
  [
    'a 200 with something else in it, another record among it',
    'no lie, and the truth is told afterwards: nothing of it is kept',
    'faults/upstream-lies: %s is an UPSTREAM_ERROR, and the truth is told afterwards',
    'cxone/hostile-answers: keys that could become a prototype are dropped on the way in',
  ],
  [
    '512 MiB, a gzip bomb',
    'cut off at 4 MiB; no more than 96 MiB of memory',
    'faults/upstream-safety: %s is cut off: UPSTREAM_ERROR, and no memory for it',
    'cxone/hostile-answers: an answer of more than 4 MiB is cut off there, and not asked for again',
  ],
  [
    'redirects to another origin',
    'no request there, no token leaves',
    'faults/upstream-safety: %i to another origin is not followed, of reads, writes and tokens alike',
    'faults/upstream-safety: of the token endpoint is not followed either: no secret leaves',
  ],
  [
    '401 once, for ever, under 50 reads; a token endpoint that fails twice',
    '1 renewal; at most 2 and 3 requests; at most 2 and all served; the value',
    'faults/upstream-tokens: a 401 once: one new token, and the value',
    'faults/upstream-tokens: a 401 for ever: two new tokens and three requests at most, and an error that says what it is',
    'faults/upstream-tokens: a token that is revoked under 50 reads: two new ones at most, and all 50 are served',
    'faults/upstream-tokens: a token endpoint that answers 503 twice costs nobody an error',
  ],
  [
    '401 in the middle of an import',
    'no row lost, none failed',
    'faults/upstream-tokens: a 401 within an import: the batch goes again under a new token, nothing is lost or failed',
  ],
  [
    'expires_in of 0, negative, missing, text, 1e12',
    'at most 2 token calls a minute',
    'faults/upstream-tokens: that is %s costs two token calls a minute at most',
  ],
  ['400, 403, 404, 422', 'one request; 404 is null', 'faults/upstream-outages: a %i is final: one request, %s'],
  [
    'a 400 that names rows of a batch',
    'these alone fail, the others get in',
    'imports/outbound-faults: rows that CXone refuses fail alone, with its reason; a retry sends just those',
    'imports/outbound-faults: one bad row that makes CXone refuse the whole batch does not keep the others out',
  ],
  [
    'a 409 for duplicates',
    'the others get in; where nobody is named, found by halves in 2 log2(100) + 1 requests each',
    'contact-lists/records/shared-calls: is found by halves where a 409 names nobody (%o)',
    'imports/other-kinds: RECORDS that are there already: %s',
  ],
  [
    'a conflict of idempotency keys',
    'never caused: the sandbox counts no violation',
    'imports/crash-kinds: $kind: killed again and again, every row is at CXone once and counted so',
    'segments/retry-rounds: sends only what failed again, five times together and at last alone, each under a key of its own',
  ],
  [
    '412 once, for ever, by our own lost PUT',
    'success; at most 6 PUTs; no false conflict',
    'contacts/update: a rival who writes before each of three PUTs loses nothing, and neither does the caller',
    'contacts/update: a rival who never stops is a conflict after six PUTs, and the contact as it is comes with it',
    'contacts/update: a PUT that was applied and whose answer was lost is a success',
  ],
  [
    '20 concurrent updates of one contact',
    'all succeed, nothing is lost',
    'contacts/update: 20 callers who change 20 attributes at once are all served, by fewer than 20 PUTs',
  ],
  [
    'PUT replaces the whole object',
    'no field is wiped',
    'contacts/update: a PUT never drops a field the patch did not name',
    'contacts/merge: what the patch does not name is unchanged',
  ],
  [
    'a baseline of another contact',
    'no PUT',
    'contacts/update: a baseline of another contact than the one asked for is never written anywhere',
  ],
  [
    'no ETags',
    'lock, look again, marked as unverified',
    'contacts/update: where CXone gives no ETags, the change is made under a lock, looked at, and marked as unverified',
  ],
  [
    'part of a bulk call fails',
    'only that part is sent again, at most 5 times together and once alone',
    'segments/retry-rounds: sends only what failed again, five times together and at last alone, each under a key of its own',
    'segments/shared-calls: are tried five times together and once alone before they fail, and only those that failed',
  ],
  [
    'already a member; twice in a batch',
    'success; never sent twice',
    'segments/shared-calls: count as done where they are members already, and never stand twice in one call',
  ],
  [
    'counts that lie',
    'never more reported than sent, each flagged',
    'faults/upstream-counts: accepted: %s. No more is ever reported as done than was sent, and it does not pass as clean',
    'contact-lists/records/shared-calls: $recordsCreated of 5 are never reported as more than were created, and stand in the audit',
    'segments/shared-calls: are not reported as added where CXone counts fewer than it names',
    'enrichment/shared-calls: are not reported as enriched where CXone counts fewer, or does not count',
  ],
  [
    'a 200 that is not shown later',
    'one poll a window, one refresh an hour, then UNCONFIRMED',
    'segments/index-lag: polls a contact at most once a window, for 300 callers on 300 contacts and any who read beside them',
    'segments/index-lag: says UNCONFIRMED, then and later, when there is no refresh to be had; and INDEXED once it is seen',
    'segments/refresh-limit: a refresh that may have been heard uses up the hour, over restarts too; one that was refused does not',
  ],
  [
    'a list that did not grow as it should',
    'always flagged, in verification and audit',
    'faults/upstream-counts: a list that says it holds %s than it should: the import ends with failures, verification and audit say so',
  ],
  [
    'pages without end, repeated, in a circle',
    'ends within its deadline',
    'faults/upstream-safety: a list whose every page names a next one ends',
    'faults/upstream-safety: a field that needs a whole list ends within its deadline',
    'cxone/pages: an upstream that goes round in a circle ends the list too',
  ],
  [
    'a filter that CXone ignores',
    'nothing written to what does not match',
    'contacts/upsert: what CXone’s filter lets through without the key is never written',
    'faults/hostile-content: that CXone ignores gives nobody another’s contact',
  ],
  [
    'two contacts of one key',
    'conflict, no PUT',
    'contacts/upsert: several contacts of one key are a conflict that names them, and nothing is written',
  ],
  [
    'a campaign with a timeout of 0, negative, missing, huge',
    'refused, or bounded',
    'enrichment/attributes: with a timeout of %s ms has room for %s contacts',
    'enrichment/shared-calls: of a campaign with a timeout of %s ms are refused before anything is sent',
  ],
  [
    'a webhook whose registration is not answered',
    'registered once',
    'webhooks/registration: whose answer is lost is never sent a second time: it %s',
  ],
  [
    'a CRM that fails, hangs, is gone, redirects',
    'sent again in order under the same id; 410 ends it; imports do not wait',
    'callbacks/callback-delivery: is sent again after five seconds and more: %s',
    'callbacks/callback-delivery: at 410 nothing of its import is sent there any more, with an audit entry; another import is',
    'callbacks/callback-delivery: holds back those after it, of its own import and destination only',
    'callbacks/callback-delivery: receivers that hang take up sixteen tries at most, and no more than two seconds of the shutdown',
  ],
  [
    'a clock that jumps by an hour',
    'no request before its time',
    'faults/upstream-rate-limits: a wall clock that jumps by an hour, either way, brings no request before its time',
  ],
]);

const WEBHOOKS = rows([
  ['forged in 14 ways', '401, none taken', 'webhooks/receiver: gets 401: %s'],
  ['too old, too new, no time', '401', 'webhooks/receiver: gets 401, however well it signs: a timestamp of %s'],
  [
    'two secrets',
    'both good',
    'webhooks/receiver: during a rotation both secrets are good, in either place of the header',
  ],
  [
    'delivered again, 10 times and 50 at once',
    'one event',
    'webhooks/receiver: that comes again, one after another or all at once, is taken once',
  ],
  [
    'delivered again hours later',
    'remembered for 7 days and more',
    'webhooks/receiver: is remembered for a week at least, whatever the retention',
  ],
  [
    'out of order',
    'told as late',
    'webhooks/receiver: that happened before one already told of its contact is told as late',
  ],
  [
    '200 at once',
    'all answered, once stored',
    'webhooks/receiver: travels with its neighbours: a burst becomes few transactions, and each has its own answer',
  ],
  [
    'kill -9 after the answer',
    'none of 1 000 lost',
    'webhooks/restart: it has all that it said it took once, and its subscribers are told each of them once',
  ],
  [
    'an unknown type',
    'taken',
    'webhooks/receiver: of a type that is not known is kept and counted, and not told as a change',
  ],
  [
    'too large, no JSON, bad UTF-8, __proto__',
    'refused, never a 5xx',
    'webhooks/receiver: gets 413, whether signed or not, and leaves an audit entry',
    'webhooks/receiver: bytes that are no UTF-8, signed as the bytes they are',
    'faults/fuzz: webhooks, signed and not',
  ],
]);

const CRASHES = rows([
  [
    'while the body is uploaded',
    'nothing left but the right to try again',
    'imports/upload-tidying: an upload whose receiver died may be tried again, one that is under way is left alone, one that never came expires',
    'imports/upload: a connection that breaks leaves nothing behind, and the same link may be tried again',
  ],
  [
    'a mutation under way',
    'one import, however often it is called again',
    'imports/repeated-calls: %s, come again after a crash kept its import and not its answer, makes no second one',
  ],
  [
    'accepted; sent and not taken; taken and not answered; answered and not booked; several kills in one import',
    'no row lost, none twice, counts exact (SOAK_KILLS=30 for 30 of them)',
    'imports/crash: killed again and again on %s, every row reaches the list exactly once',
    'imports/crash-kinds: $kind: killed again and again, every row is at CXone once and counted so',
    'imports/settling: what became of a batch is asked until CXone tells, whatever stands in the way',
  ],
  [
    'waiting for Retry-After',
    'still waits afterwards',
    'faults/upstream-rate-limits: Retry-After %s, and the process dies with the answer: the next one starts, and sends nothing before its time',
  ],
  [
    'polling the index',
    'goes on with the time that is left, one refresh an hour',
    'segments/index-looks: is waited for the rest of the time after a restart, and looked at once where there is none',
    'segments/refresh-limit: a refresh that may have been heard uses up the hour, over restarts too; one that was refused does not',
  ],
  [
    'a callback sent and not noted',
    'sent again under the same id',
    'callbacks/callback-delivery: because its process ended before the receipt was stored is sent again under the same id',
  ],
  [
    'a batch that kills its senders',
    'isolated after 3, everything else finishes; unknown after 6',
    'imports/crash-loop: $kind: a batch that kills its senders is sent last and alone after three of them, and given up as unknown after six',
    'imports/settling: what counts as a crash: a sender that no longer runs, not one that is paused, that let go of it, or this one',
  ],
  [
    'SIGTERM',
    'drained within 10 s, sockets closed with 1001, nothing sent twice',
    'server/drain: gives running requests ten seconds, then ends them',
    'server/drain: closes sockets with 1001, those with a running mutation once it is answered',
    'imports/crash: a stop in the middle finishes the batch under way, and the next start goes on',
    'replicas/rolling-update: an update, replica by replica, in the middle of an import: nothing is sent twice, and watchers go on elsewhere',
  ],
  [
    'a replica that dies, one that is paused beyond its lease',
    'taken over within the lease and 5 s; each row once',
    'replicas/takeover: one of three is killed in the middle of an import, another paused: every row once, no event lost, within one limit',
    'replicas/pause-before-send: a sender that was paused beyond its lease right before a call does not make it, but finds out first how things stand',
  ],
  [
    'disk full, file locked, database gone',
    'UNAVAILABLE before CXone is asked, not ready, good again by itself',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the title as it stands in the file
    'faults/file-trouble: ${name}: every write is UNAVAILABLE before CXone is asked, not ready, and good again by itself',
    'replicas/database-away: the database is away during an import and traffic: what needs only CXone goes on, the rest goes on by itself later',
  ],
  [
    'power loss',
    'synchronous=FULL, or no start',
    'store/database: runs with WAL, a sync at each commit and foreign keys, or not at all',
    'store/prepared-statements: a commit waits for the disk, whatever the server does by default',
  ],
  [
    'a migration killed midway',
    '0 of 20 corrupt',
    'store/migrate: killed at any place in between, they leave nothing behind, and the next start begins anew',
  ],
  [
    'restart with 100 000 open batches',
    'ready within 10 s',
    'imports/restart-time: with 100 000 open batches on %s a start is ready within ten seconds, and goes on where it was',
  ],
]);

const ABUSE = rows([
  [
    'depth, width, fragments, brackets, tokens, directives; over WebSocket too',
    'refused at once, never a 500, the socket kept',
    'server/limits: a document of 15 levels is served, one of 16 is refused, in fragments too',
    'server/limits: %s: refused at once, without a result',
    'server/subscriptions: %s is answered with %s and leaves the connection usable',
  ],
  [
    'page sizes of 0, -1, 251, 1e6, also by variable',
    'BAD_USER_INPUT, no request',
    'faults/hostile-content: a page of %i is BAD_USER_INPUT, through a variable too, and asks nothing',
  ],
  [
    'arrays of operations (decided otherwise: on)',
    'at most 20',
    'server/graphql-http: more than 20 operations in an array: LIMIT_EXCEEDED; 20 are served',
  ],
  [
    'a million rows in one call',
    'refused: at most 10 000',
    'imports/start-import: what cannot be imported is refused with the place and the reason, and nothing is stored',
  ],
  [
    'introspection, suggestions, GraphiQL',
    'off by one switch',
    'server/introspection: the schema cannot be asked for',
    'server/introspection: unknown names are not answered with known ones',
    'faults/production: nothing else is run, GraphiQL is not there',
  ],
  [
    'documents without end, of a megabyte, by random hashes',
    'bounded; `node test/soak/memory.ts` tells how much',
    'server/limits: distinct %s documents, however many, do not fill the memory',
    'server/limits: %s: refused at once, without a result',
    'server/string-bound: a JSON text is refused where one of its strings is too long, however it is cut',
    'server/trusted-documents: a hash that is not known, in the words that clients look for',
  ],
  [
    'one caller who takes all of CXone',
    'another’s p99 at most twice what it is alone',
    'cxone/lanes: another’s p99 is about what it is alone (twice is the most there may be), and what it does not use is not lost: %s',
    'faults/fairness: another caller’s reads do not wait while one has dozens waiting',
  ],
  [
    'a body that is too large, declared or not',
    '413',
    'server/graphql-http: a body of 8 MiB is served, one of a byte more is 413',
    'server/graphql-http: a body that does not declare its length is 413 as well',
    'auth/front-door: are refused before the body is looked at',
  ],
  [
    'compressed bodies; zip bombs as uploads',
    '415; cut off',
    'server/graphql-http: a body with content encoding %s: 415',
    'imports/reading/byte-blocks: that unpacks to more than is allowed is cut there',
  ],
  [
    'bad UTF-8, other charsets, lone surrogates',
    '400, 415',
    'server/graphql-http: %s: 400',
    'server/graphql-http: a body of type %s: 415',
  ],
  ['smuggling, CONNECT, TRACE, absolute targets', '4xx, nothing runs', 'server/http-server: %s: 4xx, and nothing runs'],
  [
    'slow heads, slow bodies, silent sockets',
    'cut off within 20 s, uploads too',
    'server/http-server: a body that trickles is cut off with 408 after its time; an upload may take longer',
    'server/http-server: an upload that trickles is cut off with 408 within 20 seconds',
    'server/http-server: a head that never ends, and a connection that never says anything, are cut off',
    'server/http-server: an upload whose sender falls silent is cut off, and one that only its reader holds up is not',
  ],
  [
    'CSV as it comes: BOM, line ends, quotes, ragged',
    'as the golden files say, and as csv-parse reads',
    'imports/reading/golden-files: golden/%s.csv gives exactly the rows and issues of the golden/*.json beside it',
    'imports/reading/chunk-borders: as csv-parse reads from any well-formed file',
  ],
  [
    'CSV: NUL, unclosed quote, a million columns',
    'refused with its place, without reading on',
    'imports/reading/csv-rows: when an unclosed quote has run over many times what a row may have, without reading on',
    'imports/reading/csv-rows: when it has a million columns, before the header has ended',
    'imports/reading/csv-rows: has NUL bytes',
  ],
  [
    'CSV in another encoding',
    'refused with its place and a hint, or declared',
    'imports/reading/text-encoding: %s are refused with row, column, offset and a hint, wherever the blocks are cut',
    'imports/reading/text-encoding: are replaced and counted where that was asked for',
  ],
  [
    'formulas in cells',
    'leave as text',
    'faults/hostile-content: cells that a spreadsheet would take for formulas leave as text',
  ],
  [
    'a CSV without end',
    'memory does not grow with it',
    'imports/reading/byte-blocks: of 100 MB %s is read in memory that does not grow with it',
  ],
  [
    '__proto__ and constructor',
    'refused, nothing polluted',
    'faults/hostile-content: with the key %s, at any depth, is refused',
    'faults/hostile-content: in the rows of an import: the row or the call is refused, and nothing is polluted',
  ],
  [
    'forms, GET mutations, other origins',
    'nothing runs',
    'server/graphql-http: a mutation by GET: 405, and nothing is done',
    'server/subscriptions: a web page of another origin gets no WebSocket; its own, a named one and a program do',
    'server/http-server: get no CORS header by default',
    'faults/production: a WebSocket of %s: %i',
  ],
  [
    'thousands of WebSockets, without init too',
    'capped by actor and in all, gone after the time for init',
    'faults/hostile-sockets: a thousand WebSockets without an init are all gone after its time, and nobody else waits for them',
    'server/authentication: one actor cannot take all sockets: those beyond its part are closed with 1013, others come in',
    'server/subscriptions: sockets are bounded in number; a place that is left can be taken',
  ],
  [
    '200 subscriptions on a socket, 2 000 opened and completed',
    '50 live, the next an error; nothing left',
    'server/subscriptions: carries 50 subscriptions; the next gets an error and the others go on',
    'server/subscriptions: 2 000 subscriptions opened and completed again leave nothing behind',
  ],
  [
    'a subscription whose client is gone',
    'its source ends',
    'server/subscriptions: a source that waits for ever ends when its client has had enough',
    'server/subscriptions: closed by its client ends every source on it at once',
  ],
  [
    'slow and stalled readers',
    'cut off with a cursor, the others have everything',
    'server/shared-subscriptions: over SSE is told so with the last of what it gets, goes on from there, and holds nobody up',
    'server/shared-subscriptions: over WebSocket is cut off with 4290, which it finds behind what it was sent',
    'server/subscriptions: a WebSocket whose client sends pings and reads nothing is cut off, its memory bounded',
  ],
  [
    'a cursor that is forged or too old',
    'refused at once',
    'webhooks/contact-enriched: refuses a cursor %s',
    'server/shared-subscriptions: who comes back with a cursor that is none, too old or not given out is told at once',
  ],
  [
    'floods of pongs, frames that break the protocol',
    '1002, 1007, 1009; at most 96 MiB',
    'faults/hostile-sockets: a WebSocket that sends %s is closed with the code for it, and takes no memory',
    'faults/hostile-sockets: a flood of pongs that nobody asked for costs nothing',
  ],
  [
    'a token that ends while somebody listens',
    'closed with 4403 at its end',
    'auth/front-door: the socket ends when its token does',
    'server/authentication: an SSE subscription ends when the credentials end',
  ],
  [
    'hostile ids, in every argument',
    'refused before any call',
    'faults/hostile-ids: takes no hostile global id',
    'faults/hostile-ids: takes no hostile id of CXone’s own',
    'faults/hostile-ids: the walk has seen the ids there are',
  ],
  [
    'hostile filters',
    'one comparison, with just that value',
    'faults/hostile-content: with %j is one comparison with just that',
    'contacts/filter: whatever a value holds, CXone reads one clause with that value and nothing else',
  ],
  [
    'header injection',
    'nothing of it is sent',
    'faults/hostile-content: to CXone hold nothing of an idempotency key such as %j',
    'cxone/path-encoding: a header value is refused before any call: %j',
  ],
  [
    'URLs that lead inside',
    'none accepted; pinned against rebinding',
    'callbacks/url-guard: %j is refused',
    'callbacks/guarded-lookup: a name that gives other addresses every time is judged by those the connection would go to',
    'webhooks/registration: %j is refused before CXone is asked',
  ],
  [
    'forged log lines, secrets in logs and errors',
    'none',
    'faults/hostile-content: what clients write never makes a log line of its own, nor colours one',
    'faults/secrets: no log line, metric, error or audit entry has a secret or a person in it',
  ],
  [
    'errors',
    'masked, of subscriptions too',
    'server/subscriptions: what breaks in %s is masked, with a request id under which the log has it',
    'graphql/mask-error: %s is hidden and handed over to be logged',
  ],
  [
    'guessing keys',
    '429 after 10 a minute and address',
    'auth/front-door: is over after ten wrong ones in a minute: 429, and when it may go on',
    'auth/attempts: never more than ten failures are let through in any minute',
  ],
]);

const UNTESTED: Row[] = [
  {
    fault: 'other tenants: their ids, webhooks, cursors, cache entries',
    promise: 'nothing of them',
    tests: [],
    untested: 'A gateway serves one tenant: its credentials are those of the process.',
  },
  {
    fault: 'timing of a wrong key',
    promise: 'no difference beyond noise',
    tests: [],
    untested: 'Keys are compared as hashes of one length by timingSafeEqual; a measurement would only show the noise.',
  },
  {
    fault: '10 000 sockets and 10 GB of CSV',
    promise: 'a normal request within 1 s; at most 128 MiB',
    tests: [],
    untested: 'Too much for every run: a thousand sockets and 100 MB are tested.',
  },
];

export const MATRIX: Readonly<Record<string, readonly Row[]>> = {
  'Upstream faults': UPSTREAM,
  'Incoming webhooks': WEBHOOKS,
  'Crash points of an import': CRASHES,
  'Client abuse': ABUSE,
  'Not tested': UNTESTED,
};
