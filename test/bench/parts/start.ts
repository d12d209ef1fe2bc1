/** From nothing to the first answer, memory at rest, and what one call to CXone costs the processor. */
import { runLoad } from '../harness/http-load.ts';
import type { Part } from '../harness/part.ts';
import { alternate, medianOf, medianRatio } from '../harness/rounds.ts';
import {
  BARE_PROXY,
  type Contender,
  findPeers,
  GATEWAY,
  startBareProxy,
  startGateway,
  startMock,
} from '../servers/contenders.ts';

/** Memory is looked at when nothing has happened for this long. */
const REST_MS = 1_500;
const WARM_UP_CALLS = 2_000;
const CALLS = 2_000;
const CONNECTIONS = 32;
const MOST_ROUNDS = 3;

const QUERY = 'query One($id: ID!) { contact(id: $id) { id firstName } }';

export const start: Part = {
  name: 'start',
  description: 'cold start to the first answer, memory at rest, processor time of an upstream call',
  seconds: 40,
  async run({ rounds, endsAt, progress }) {
    const notes: string[] = [];
    await using parts = new AsyncDisposableStack();
    const mock = parts.use(await startMock());
    let contacts = 0;

    const next = (name: string) => {
      const n = contacts++;
      return name === BARE_PROXY
        ? ({ method: 'GET', path: `/call/api/v2/addressbooks/b${n % 20}/contacts/start${n}` } as const)
        : ({
            method: 'POST',
            path: '/graphql',
            body: JSON.stringify({ query: QUERY, variables: { id: `gid://cxone/Contact/b${n % 20}/start${n}` } }),
          } as const);
    };
    const load = (contender: Contender, requests: number) =>
      runLoad({ url: contender.url, connections: CONNECTIONS, requests, next: () => next(contender.name) });

    const starters = [
      { name: BARE_PROXY, begin: () => startBareProxy(mock.url) },
      { name: GATEWAY, begin: () => startGateway(mock.url) },
      ...(await findPeers(mock.url, notes)),
    ];
    progress('starting each');
    const measure = async ({ name, begin }: (typeof starters)[number]) => {
      const startedAt = performance.now();
      await using contender = await begin();
      await runLoad({ url: contender.url, connections: 1, requests: 1, next: () => next(name) });
      const firstAnswerMs = performance.now() - startedAt;
      const { cpuMs: startCpuMs } = await contender.usage();
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      const { rssMb: restMb } = await contender.usage();
      await load(contender, WARM_UP_CALLS);
      const before = await contender.mark();
      await load(contender, CALLS);
      const { cpuMs } = await contender.usage();
      return { firstAnswerMs, startCpuMs, restMb, callUs: ((cpuMs - before.cpuMs) * 1000) / CALLS };
    };
    const measured = await alternate(starters, Math.min(rounds, MOST_ROUNDS), measure, endsAt - 15_000);
    return {
      tables: [
        {
          title: 'start and rest',
          columns: ['first answer, of bare', 'first answer ms', 'CPU ms until then', 'MB at rest', 'CPU µs a call'],
          rows: starters.map(({ name }) => ({
            name,
            values: [
              medianRatio(measured, name, BARE_PROXY, 'firstAnswerMs'),
              ...['firstAnswerMs', 'startCpuMs', 'restMb', 'callUs'].map((figure) => medianOf(measured, name, figure)),
            ],
          })),
        },
      ],
      bars: [],
      notes,
    };
  },
};
