/**
 * Three replicas at full size: `node test/soak/replicas.ts [rows]` (100 000 unless told otherwise; some four minutes).
 * Rows are uploaded to one, which is killed in the middle; another is paused for 20 s and continued; then, in a second
 * import, the database is away for 30 s. All the while each replica is asked more than CXone's limit lets through.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import {
  dataOf,
  type ImportWatch,
  laneOwner,
  soundRows,
  startGateways,
  untilFinished,
  uploadCsv,
  watchImport,
} from '../replicas/processes.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { startPostgresProcess } from './postgres-process.ts';

const ROWS = Number(process.argv[2] ?? 100_000);
const LIMIT = 50;
const PAUSE_MS = 20_000;
const AWAY_MS = 30_000;
const CALLERS = 40;
const LIST_ID = DEMO_IDS.contactLists.importTrial;
const POST_CONTACTS = '/api/v2/outbound/contactlists/{id}/contacts';

const startedAt = performance.now();
/** How long this process, and with it the sandbox, was held up: what arrives then arrives together. */
const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
let failures = 0;

function say(text: string): void {
  process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${text}\n`);
}

function check(what: string, holds: boolean, found: unknown): void {
  if (!holds) failures++;
  say(`${holds ? 'ok    ' : 'FAILED'} ${what}: ${JSON.stringify(found)}`);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: string, isTrue: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<number> {
  const from = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - from > limitMs) throw new Error(`In vain: ${what}.`);
    await wait(100);
  }
  return performance.now() - from;
}

/** Reads and upserts on one gateway, more than the limit lets through. */
function traffic(gateway: GatewayProcess) {
  let stopped = false;
  const counts = { answered: 0, refused: 0, unreachable: 0 };
  const book = `gid://cxone/AddressBook/${DEMO_IDS.addressBooks.customers}`;
  const ask = async () => {
    while (!stopped) {
      const ref = `none-${Math.random()}`;
      const query = `{ addressBook(id: "${book}") { contactByExternalRef(externalRefId: "${ref}") { id } } }`;
      await gateway.graphql(query).then(
        ({ errors }) => void (errors ? counts.refused++ : counts.answered++),
        async () => {
          counts.unreachable++;
          await wait(500);
        },
      );
      await wait(5);
    }
  };
  const all = Array.from({ length: CALLERS }, ask);
  return {
    counts,
    async stop() {
      stopped = true;
      await Promise.all(all);
    },
  };
}

async function checkWatch(name: string, { events, ended }: ImportWatch, rows: number): Promise<void> {
  await ended;
  const cursors = events.map(({ cursor }) => cursor);
  const succeeded = events.map(({ progress }) => progress.succeeded);
  const last = events.at(-1);
  check(`${name}: no event twice`, new Set(cursors).size === cursors.length, events.length);
  check(`${name}: progress only grows`, String(succeeded.toSorted((a, b) => a - b)) === String(succeeded), last?.type);
  check(`${name}: ends with everything`, last?.type === 'FINISHED' && last.progress.succeeded === rows, last?.progress);
}

// Before anything is measured: making them holds this process up, and the sandbox with it.
const rows = Math.ceil(ROWS / 4);
const file = soundRows(ROWS);
const smallFile = soundRows(rows);

await using sandbox = await startSandbox({ limits: { outbound: LIMIT, addressBooks: LIMIT } });
const { control } = sandbox;
control.fail({ method: 'POST', path: POST_CONTACTS, delayMs: 400 });
control.fail({ method: 'GET', path: '/api/v2/addressbooks/{id}/contacts', delayMs: 300 });
/** Rows sent so far. Not what the lists hold: counting that holds up the sandbox, and all that arrives meanwhile with it. */
const sent = () => control.requests().routes[`POST ${POST_CONTACTS.replace('{id}', '{listId}')}`]?.items ?? 0;
await using postgres = await startPostgresProcess();
const direct = new URL(postgres.url);
await using proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
const throughProxy = new URL(postgres.url);
throughProxy.port = String(proxy.port);

await using gateways = new AsyncDisposableStack();
const [a, b, c] = await startGateways(3, { databaseUrl: throughProxy.href, sandbox });
if (!a || !b || !c) throw new Error('There are three.');
for (const gateway of [a, b, c]) gateways.use(gateway);
const loads = [a, b, c].map(traffic);

say(`${ROWS} rows to A, watched on B and C`);
const id = await uploadCsv(a, file);
const watches = [watchImport([b, c], id), watchImport([c, b], id)];
await until('a third is sent', () => sent() > ROWS / 3, 300_000);
await a.kill();
say(`A is killed, with ${sent()} rows sent`);
await until('another sends', async () => (await laneOwner(postgres.url, [b, c])) !== undefined);
const owner = (await laneOwner(postgres.url, [b, c])) ?? b;
const other = owner === b ? c : b;
await until('half is sent', () => sent() > ROWS / 2, 300_000);
owner.child.kill('SIGSTOP');
say('whoever sends now is paused');
const takeoverMs = await until('the other sends', async () => (await laneOwner(postgres.url, [other])) === other);
check('taken over within lease + 5 s', takeoverMs < 11_000, `${Math.round(takeoverMs)} ms`);
await wait(Math.max(0, PAUSE_MS - takeoverMs));
owner.child.kill('SIGCONT');
say('and continued');
const outcome = await untilFinished(other, id);
check('every row is accounted for once', outcome.progress.succeeded === ROWS, outcome.progress);
for (const [index, watch] of watches.entries()) await checkWatch(`watcher ${index + 1}`, watch, ROWS);

say('another import, and the database goes away');
const list = `gid://cxone/ContactList/${DEMO_IDS.contactLists.renewals}`;
const before = sent();
const second = await uploadCsv(b, smallFile, list);
const late = watchImport([b, c], second);
await until('some are sent', () => sent() > before + 2_000);
await proxy.cut();
const answeredBefore = loads.map(({ counts }) => counts.answered);
await wait(AWAY_MS);
const answered = loads.slice(1).map(({ counts }, index) => counts.answered - (answeredBefore[index + 1] ?? 0));
check(
  'both replicas go on reading from CXone meanwhile',
  answered.every((count) => count > 30),
  answered,
);
await proxy.mend();
say('and comes back');
const outcome2 = await untilFinished(c, second);
const { succeeded, unknown } = outcome2.progress;
check('nothing is lost', succeeded === rows && unknown === 0, outcome2.progress);
await checkWatch('its watcher', late, rows);

await Promise.all(loads.map((load) => load.stop()));
for (const [index, { counts }] of loads.entries()) say(`traffic on ${'ABC'[index]}: ${JSON.stringify(counts)}`);
const { peakPerSecond, peakInFlight, rateLimited, violations } = control.requests();
say(`the sandbox was held up for ${Math.round(lag.max / 1e6)} ms at most`);
check('requests a second: one limit', peakPerSecond.addressBooks <= LIMIT, peakPerSecond.addressBooks);
check('and of the lists', peakPerSecond.outbound <= LIMIT, peakPerSecond.outbound);
check(
  'calls in flight for a book',
  Object.values(peakInFlight.byAddressBook).every((peak) => peak <= 15),
  peakInFlight,
);
check(
  'no 429 from the limits',
  Object.values(rateLimited).every((count) => count === 0),
  rateLimited,
);
check('no rule was broken', violations.length === 0, violations);
const { status } = await dataOf(b, '{ status: gatewayStatus { replicas } }');
check('two replicas are left', status.replicas === 2, status.replicas);
const { total } = control.state.contactList(LIST_ID);
check('the list holds each row once', total === ROWS, total);
const duplicates = control.state.outboundDuplicates(LIST_ID);
check('no row is there twice', duplicates.length === 0, duplicates.length);
process.exitCode = failures === 0 ? 0 : 1;
