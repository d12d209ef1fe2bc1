/**
 * A thousand memberships as single writes: how long they take, in how many calls they travel, and how many are lost
 * where CXone takes 50 requests a second.
 */
import { setUpstream, upstreamCounts } from '../harness/ask.ts';
import { type LoadRequest, runLoad } from '../harness/http-load.ts';
import type { Part } from '../harness/part.ts';
import type { Bar, Table } from '../harness/report.ts';
import { alternate, medianOf, medianRatio, type Round } from '../harness/rounds.ts';
import {
  BARE_PROXY,
  type Contender,
  GATEWAY,
  NO_LIMITS,
  startBareProxy,
  startGateway,
  startMock,
  startPeers,
} from '../servers/contenders.ts';

const WRITES = 1000;
const CONNECTIONS = 100;
const ALIASES = Array.from({ length: 100 }, (_, index) => index);
const LIMIT_PER_SECOND = 50;
const WARM_UP_RUNS = 3;
/** Every refused write answers at once, so that more rounds would only lose more writes. */
const LIMITED_ROUNDS = 2;

const RESULT = '{ ... on AddContactToSegmentPayload { alreadyMember } ... on UpstreamError { message } }';
const ONE = `mutation Add($input: AddContactToSegmentInput!) { addContactToSegment(input: $input) ${RESULT} }`;
const MANY = `mutation AddMany(${ALIASES.map((n) => `$i${n}: AddContactToSegmentInput!`).join(' ')}) {
  ${ALIASES.map((n) => `a${n}: addContactToSegment(input: $i${n}) ${RESULT}`).join('\n  ')} }`;

const graphql = (query: string, variables: Record<string, unknown>): LoadRequest => ({
  method: 'POST',
  path: '/graphql',
  body: JSON.stringify({ query, variables }),
});

export const writes: Part = {
  name: 'writes',
  description: '1000 memberships as 1000 requests and as 100 aliases; wall time, upstream calls, lost writes',
  seconds: 60,
  async run({ rounds, endsAt, progress }) {
    const notes: string[] = [];
    await using parts = new AsyncDisposableStack();
    const mock = parts.use(await startMock());
    const limits = JSON.stringify({ ...NO_LIMITS, segments: LIMIT_PER_SECOND });
    const bare = parts.use(await startBareProxy(mock.url));
    const others = [
      parts.use(await startGateway(mock.url, { CXONE_LIMITS: limits })),
      ...(await startPeers(mock.url, notes)).map((peer) => parts.use(peer)),
    ];
    /** No two runs write to the same segment, or of the same contact. */
    let runs = 0;
    let contacts = 0;

    const input = (segment: number) => ({
      segmentId: `gid://cxone/Segment/s${segment}`,
      contactId: `contact-${contacts++}`,
    });

    const single = async (contender: Contender, limitPerSecond?: number) => {
      const segment = runs++;
      await setUpstream(mock.url, limitPerSecond);
      const result = await runLoad({
        url: contender.url,
        connections: CONNECTIONS,
        requests: WRITES,
        next: () =>
          contender.name === BARE_PROXY
            ? {
                method: 'POST',
                path: `/call/api/v2/segments/s${segment}/contacts`,
                body: JSON.stringify([`contact-${contacts++}`]),
              }
            : graphql(ONE, { input: input(segment) }),
      });
      const { segmentWrites, members } = await upstreamCounts(mock.url);
      return {
        wallMs: result.wallMs,
        p50Ms: result.p50Ms,
        p99Ms: result.p99Ms,
        calls: segmentWrites,
        lost: WRITES - members,
      };
    };
    const aliased = async (contender: Contender) => {
      const segment = runs++;
      await setUpstream(mock.url);
      const variables = Object.fromEntries(ALIASES.map((n) => [`i${n}`, input(segment)]));
      const { wallMs } = await runLoad({
        url: contender.url,
        connections: 1,
        requests: 1,
        next: () => graphql(MANY, variables),
      });
      const { segmentWrites, members } = await upstreamCounts(mock.url);
      return { wallMs, calls: segmentWrites, lost: ALIASES.length - members };
    };

    progress('1000 requests on 100 connections');
    const all = [bare, ...others];
    for (let run = 0; run < WARM_UP_RUNS; run++) for (const contender of all) await single(contender);
    const requests = await alternate(all, rounds, (contender) => single(contender), endsAt - 40_000);
    progress('100 aliases');
    await aliased(others[0] as Contender); // The gateway, which is always there.
    const aliases = await alternate(others, Math.min(rounds, 3), aliased, endsAt - 20_000);
    progress(`1000 requests under a limit of ${LIMIT_PER_SECOND} a second`);
    const limited = await alternate(others, Math.min(rounds, LIMITED_ROUNDS), async (contender) => {
      const measured = await single(contender, LIMIT_PER_SECOND);
      // The next one starts with the whole limit.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      return measured;
    });

    return {
      tables: [
        toTable('1000 requests on 100 connections', all, requests, ['wallMs', 'p50Ms', 'p99Ms', 'calls', 'lost']),
        toTable('100 aliases in one document', others, aliases, ['wallMs', 'calls', 'lost']),
        toTable(`1000 requests, ${LIMIT_PER_SECOND} calls/s allowed`, others, limited, ['wallMs', 'calls', 'lost']),
      ],
      bars: [
        {
          what: '1000 requests: upstream calls for one segment',
          got: medianOf(requests, GATEWAY, 'calls'),
          atMost: 10,
        },
        ...wallBars('1000 requests', others, requests),
        { what: '100 aliases: upstream calls', got: medianOf(aliases, GATEWAY, 'calls'), atMost: 1 },
        ...wallBars('100 aliases', others, aliases),
        ...[requests, aliases, limited].map((measured, index) => ({
          what: `lost writes, ${['1000 requests', '100 aliases', 'under the limit'][index]}`,
          got: Math.max(...measured.map((round) => round[GATEWAY]?.lost ?? Number.NaN)),
          atMost: 0,
        })),
      ],
      notes,
    };
  },
};

const TITLES: Readonly<Record<string, string>> = {
  wallMs: 'wall ms',
  p50Ms: 'p50 ms',
  p99Ms: 'p99 ms',
  calls: 'upstream calls',
  lost: 'lost writes',
};

function toTable(
  title: string,
  contenders: readonly Contender[],
  rounds: readonly Round[],
  figures: readonly string[],
): Table {
  return {
    title,
    columns: ['of the gateway', ...figures.map((figure) => TITLES[figure] ?? figure)],
    rows: contenders.map(({ name }) => ({
      name,
      values: [
        medianRatio(rounds, name, GATEWAY, 'wallMs'),
        ...figures.map((figure) => medianOf(rounds, name, figure)),
      ],
    })),
  };
}

function wallBars(what: string, contenders: readonly Contender[], rounds: readonly Round[]): Bar[] {
  return contenders
    .filter(({ name }) => name !== GATEWAY)
    .map(({ name }) => ({
      what: `${what}: wall time of ${name}`,
      got: medianRatio(rounds, GATEWAY, name, 'wallMs'),
      atMost: 1,
    }));
}
