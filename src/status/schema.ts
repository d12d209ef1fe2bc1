/** `gatewayStatus`. */
import type { UpstreamGroupStatus } from '../cxone/client.ts';
import type { Builder } from '../graphql/builder.ts';
import type { CacheStatus, GatewayStatus } from './service.ts';

export function addStatusTypes(builder: Builder): void {
  const circuit = builder.enumType('CircuitState', {
    description: 'Whether calls to a group of CXone’s endpoints are let through.',
    values: {
      CLOSED: { description: 'They are.' },
      OPEN: { description: 'They are not: too many failed in a row.' },
      HALF_OPEN: { description: 'One at a time, to see whether CXone has recovered.' },
    } as const,
  });
  const store = builder.enumType('StoreKind', {
    description: 'Where the gateway keeps what must survive.',
    values: {
      SQLITE: { description: 'A file, for one process.' },
      POSTGRES: { description: 'A server, for any number of replicas.' },
    } as const,
  });
  const group = builder.objectRef<UpstreamGroupStatus>('UpstreamGroupStatus').implement({
    description: 'A group of CXone’s endpoints that share a limit and a circuit, as this replica sees it.',
    fields: (t) => ({
      group: t.exposeString('group', { description: 'Its name, as in CXONE_LIMITS.' }),
      circuit: t.expose('circuit', { type: circuit, description: 'Whether calls are let through.' }),
      inFlight: t.exposeInt('inFlight', { description: 'Calls under way.' }),
      queued: t.exposeInt('queued', { description: 'Calls waiting for their place under the limit.' }),
      requests: t.exposeInt('requests', { description: 'Requests sent since the start.' }),
      retries: t.exposeInt('retries', { description: 'Of these, repetitions.' }),
      rateLimited: t.exposeInt('rateLimited', { description: 'Answers 429 since the start.' }),
      limitPerSecond: t.exposeFloat('limitPerSecond', {
        nullable: true,
        description: 'Requests a second that are let through now: the limit, less what 429s took from it for a while.',
      }),
    }),
  });
  const cache = builder.objectRef<CacheStatus>('CacheStatus').implement({
    description: 'A cache of this replica.',
    fields: (t) => ({
      entries: t.exposeInt('entries', { description: 'How many it holds.' }),
      capacity: t.exposeInt('capacity', { description: 'How many it can hold.' }),
      hits: t.exposeInt('hits', { description: 'Lookups that found something, since the start.' }),
      misses: t.exposeInt('misses', { description: 'Lookups that found nothing, since the start.' }),
    }),
  });
  const status = builder.objectRef<GatewayStatus>('GatewayStatus').implement({
    description: 'How the gateway is doing.',
    fields: (t) => ({
      version: t.exposeString('version', { description: 'Of the gateway.' }),
      sandbox: t.exposeBoolean('sandbox', { description: 'True where the built-in sandbox stands in for CXone.' }),
      store: t.expose('store', { type: store, description: 'Where it keeps what must survive.' }),
      replicas: t.int({
        description: 'How many gateways work on that store right now.',
        resolve: (parent) => parent.replicas(),
      }),
      problems: t.exposeStringList('problems', {
        description: 'What is wrong at the moment, in sentences for whoever runs the gateway; empty where all is well.',
      }),
      upstream: t.expose('upstream', { type: [group], description: 'CXone, group by group.' }),
      baselineCache: t.expose('baselineCache', { type: cache, description: 'The cache of contacts’ baselines.' }),
      importsRunning: t.int({
        description: 'Imports that send or confirm.',
        resolve: (parent) => parent.importsRunning(),
      }),
      importsWaiting: t.int({
        description: 'Imports that wait for their rows, or for somebody to let them go on.',
        resolve: (parent) => parent.importsWaiting(),
      }),
    }),
  });
  builder.queryField('gatewayStatus', (t) =>
    t.field({
      type: status,
      description: 'How the gateway is doing.',
      resolve: (_root, _args, { services }) => services.status.read(),
    }),
  );
}
