/** Reads, in requests a second, delay and CPU: cold (no answer is known yet) and hot (every answer was just given). */
import { type LoadRequest, runLoad } from '../harness/http-load.ts';
import type { Part } from '../harness/part.ts';
import type { Bar, Table } from '../harness/report.ts';
import { alternate, medianOf, medianRatio, type Round } from '../harness/rounds.ts';
import {
  BARE_PROXY,
  type Contender,
  FLOOR,
  GATEWAY,
  startBareProxy,
  startGateway,
  startMock,
  startPeers,
  startReadFloor,
} from '../servers/contenders.ts';

const FIELDS = `id cxoneId firstName lastName phoneNumbers { number type primary } emailAddresses { address type primary }
  customAttributes externalRefId version`;

const ONE = `query One($id: ID!) { contact(id: $id) { ${FIELDS} } }`;

const PAGE = `query Page($id: ID!) { addressBook(id: $id) { id name contacts(first: 100) {
  nodes { id cxoneId firstName lastName phoneNumbers { number type primary } emailAddresses { address type primary } customAttributes externalRefId }
  pageInfo { hasNextPage } } } }`;

const ALIASES = Array.from({ length: 100 }, (_, index) => index);
const MANY = `query Many(${ALIASES.map((n) => `$i${n}: ID!`).join(' ')}) {
  ${ALIASES.map((n) => `a${n}: contact(id: $i${n}) { ...Fields }`).join('\n  ')} }
fragment Fields on Contact { ${FIELDS} }`;

/** At most 15 calls are in flight for one address book (cxone-api.md, section 2): several, so that this is no limit here. */
const BOOKS = 20;

const contactId = (n: number) => `gid://cxone/Contact/b${n % BOOKS}/c${n}`;
const graphql = (query: string, variables: Record<string, string>): LoadRequest => ({
  method: 'POST',
  path: '/graphql',
  body: JSON.stringify({ query, variables }),
});

interface Scenario {
  readonly name: string;
  readonly connections: number;
  /** Upstream calls of one request. */
  readonly calls: number;
  readonly atLeast: number;
  /** The request number `n` of a cold load. */
  readonly graphql: (n: number) => LoadRequest;
  readonly bare: (n: number) => LoadRequest;
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'one contact',
    connections: 32,
    calls: 1,
    atLeast: 0.5,
    graphql: (n) => graphql(ONE, { id: contactId(n) }),
    bare: (n) => ({ method: 'GET', path: `/call/api/v2/addressbooks/b${n % BOOKS}/contacts/c${n}` }),
  },
  {
    name: 'page of 100',
    connections: 8,
    calls: 2,
    atLeast: 0.25,
    graphql: (n) => graphql(PAGE, { id: `gid://cxone/AddressBook/b${n % BOOKS}` }),
    bare: (n) => ({ method: 'GET', path: `/call/api/v2/addressbooks/b${n % BOOKS}/contacts?page=1&pageSize=100` }),
  },
  {
    name: '100 aliases',
    connections: 4,
    calls: 100,
    atLeast: 0.75,
    graphql: (n) => graphql(MANY, Object.fromEntries(ALIASES.map((a) => [`i${a}`, contactId(n * 100 + a)]))),
    bare: (n) => ({
      method: 'GET',
      path: `/calls?path=/api/v2/addressbooks/{book}/contacts/{contact}&count=100&from=${n * 100}`,
    }),
  },
];

const DURATION_MS = 700;
/** Compilers have to have seen a server's code some ten thousand times before it runs as it will. */
const WARM_UP_MS = 4_000;
const WARM_UP_HOT_MS = 100;
/** Requests of a hot load go over this many different ones. */
const HOT_SET = 50;

export const reads: Part = {
  name: 'reads',
  description: 'one contact, a page of 100, 100 aliases; cold and hot; against the bare proxy, the floor and the peers',
  seconds: 165,
  async run({ rounds, endsAt, progress }) {
    const notes: string[] = [];
    await using parts = new AsyncDisposableStack();
    const mock = parts.use(await startMock());
    const contenders = [
      parts.use(await startBareProxy(mock.url)),
      parts.use(await startReadFloor(mock.url)),
      parts.use(await startGateway(mock.url)),
      ...(await startPeers(mock.url, notes)).map((peer) => parts.use(peer)),
    ];
    const tables: Table[] = [];
    const bars: Bar[] = [];
    const startedAt = performance.now();
    /** When the measurements of a scenario should be over; the cold ones are most of it. */
    const due = (scenario: number, share: number) =>
      startedAt + ((endsAt - startedAt) * (scenario + share)) / SCENARIOS.length;
    /** No two cold loads ask for the same contact. */
    let asked = 0;

    for (const [number, scenario] of SCENARIOS.entries()) {
      progress(scenario.name);
      await checkAnswers(scenario, contenders);
      const load = async (contender: Contender, durationMs: number, isHot: boolean) => {
        const from = isHot ? 0 : asked;
        const request = contender.name === BARE_PROXY ? scenario.bare : scenario.graphql;
        const before = await contender.mark();
        const result = await runLoad({
          url: contender.url,
          connections: scenario.connections,
          durationMs,
          next: (index) => request(from + (isHot ? index % HOT_SET : index)),
        });
        const { cpuMs } = await contender.usage();
        if (!isHot) asked += result.requests;
        if (result.failures > 0) throw new Error(`${contender.name} failed ${result.failures} of ${result.requests}`);
        return {
          perSecond: result.perSecond,
          p50Ms: result.p50Ms,
          p99Ms: result.p99Ms,
          cpuUs: ((cpuMs - before.cpuMs) * 1000) / result.requests,
        };
      };
      for (const contender of contenders) await load(contender, WARM_UP_MS, false);
      const loadCold = (contender: Contender) => load(contender, DURATION_MS, false);
      const cold = await alternate(contenders, rounds, loadCold, due(number, 0.6));
      const loadHot = async (contender: Contender) => {
        await load(contender, WARM_UP_HOT_MS, true);
        return load(contender, DURATION_MS, true);
      };
      const hot = await alternate(contenders, rounds, loadHot, due(number, 1));
      tables.push(toTable(`${scenario.name}, cold`, contenders, cold, scenario.calls));
      tables.push(toTable(`${scenario.name}, hot`, contenders, hot, scenario.calls));
      bars.push(...toBars(scenario, contenders, cold));
    }
    return { tables, bars, notes };
  },
};

/** What is measured must be the same answer. */
async function checkAnswers(scenario: Scenario, contenders: readonly Contender[]): Promise<void> {
  const answers = new Map<string, string>();
  for (const { name, url } of contenders) {
    if (name === BARE_PROXY) continue;
    const { path, body } = scenario.graphql(1e9);
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body ?? '',
    });
    const { data } = (await answer.json()) as { data: unknown };
    answers.set(JSON.stringify(data), name);
  }
  if (answers.size > 1)
    throw new Error(
      `different answers: ${[...answers].map(([text, name]) => `${name} ${text.slice(0, 600)}`).join('\n')}`,
    );
}

function toTable(title: string, contenders: readonly Contender[], rounds: readonly Round[], calls: number): Table {
  return {
    title,
    columns: ['of bare', 'of the floor', 'req/s', 'p50 ms', 'p99 ms', 'CPU µs', 'CPU µs a call'],
    rows: contenders.map(({ name }) => ({
      name,
      values: [
        medianRatio(rounds, name, BARE_PROXY, 'perSecond'),
        medianRatio(rounds, name, FLOOR, 'perSecond'),
        medianOf(rounds, name, 'perSecond'),
        medianOf(rounds, name, 'p50Ms'),
        medianOf(rounds, name, 'p99Ms'),
        medianOf(rounds, name, 'cpuUs'),
        medianOf(rounds, name, 'cpuUs') / calls,
      ],
    })),
  };
}

function toBars({ name, atLeast }: Scenario, contenders: readonly Contender[], cold: readonly Round[]): Bar[] {
  const peers = contenders.filter(({ name }) => ![BARE_PROXY, FLOOR, GATEWAY].includes(name));
  return [
    { what: `${name}, cold: of the bare proxy`, got: medianRatio(cold, GATEWAY, BARE_PROXY, 'perSecond'), atLeast },
    ...peers.flatMap((peer) => [
      {
        what: `${name}, cold: req/s of ${peer.name}`,
        got: medianRatio(cold, GATEWAY, peer.name, 'perSecond'),
        atLeast: 1,
      },
      { what: `${name}, cold: p99 of ${peer.name}`, got: medianRatio(cold, GATEWAY, peer.name, 'p99Ms'), atMost: 1 },
    ]),
  ];
}
