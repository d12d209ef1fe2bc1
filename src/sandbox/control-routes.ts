/** The control of a sandbox over HTTP, under `/_sandbox`: for clients in other processes and other languages. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type SandboxControl, settingsSchema } from './control.ts';
import { type ControlRoute, wholeNumber } from './control-route.ts';
import { sendReply } from './fault-answers.ts';
import { faultSchema } from './faults.ts';
import { compilePattern } from './path-pattern.ts';
import { notFound, Refusal } from './refusal.ts';
import { readBytes } from './request-body.ts';
import { stateRoutes } from './state-routes.ts';

const patternSchema = z.strictObject({ method: z.string().optional(), path: z.string().startsWith('/').optional() });
const attributes = z.record(z.string(), z.unknown());
const deliverySchema = z.strictObject({
  event: z.strictObject({
    id: z.string().optional(),
    type: z.string(),
    occurredAt: z.string().optional(),
    contactListId: z.string().optional(),
    contactId: z.string().optional(),
    attributes: attributes.optional(),
  }),
  times: z.int().min(1).max(1000).optional(),
  to: z.url().optional(),
  secret: z.string().optional(),
  signedAtMs: z.number().optional(),
  rawBody: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
const modeSchema = z.strictObject({ times: z.int().min(1).max(100).optional(), spreadMs: z.int().min(0).optional() });
const planSchema = z
  .strictObject({ every: z.int().min(1), times: z.int().min(1).optional(), patch: attributes })
  .nullable();
const WAIT_LIMIT_MS = 600_000;

/** The routes with what each does, as `GET /_sandbox` lists them. */
function controlRouteList(control: SandboxControl): ControlRoute[] {
  return [
    {
      method: 'POST',
      path: '/faults',
      does: 'programs a fault',
      run: ({ body }) => control.fail(faultSchema.parse(body)),
    },
    { method: 'GET', path: '/faults', does: 'lists the faults and how often they hit', run: () => control.faults() },
    { method: 'DELETE', path: '/faults', does: 'clears all faults', run: () => control.clearFaults() },
    {
      method: 'DELETE',
      path: '/faults/*',
      does: 'clears one fault',
      run: ({ params: [id = ''] }) => {
        if (!control.removeFault(id)) throw notFound('fault', id);
      },
    },
    {
      method: 'GET',
      path: '/requests',
      does: 'tells counts, sizes, peaks and broken rules',
      run: () => control.requests(),
    },
    { method: 'DELETE', path: '/requests', does: 'forgets them', run: () => control.resetRequests() },
    {
      method: 'GET',
      path: '/requests/log',
      does: 'lists the last requests one by one',
      run: () => control.requestLog(),
    },
    {
      method: 'GET',
      path: '/requests/wait',
      does: 'waits for a request (?method&path&answered&timeoutMs)',
      run: ({ query }) => {
        const matches = compilePattern({
          method: query.get('method') ?? undefined,
          path: query.get('path') ?? undefined,
        });
        const isAnswered = query.get('answered') === 'true';
        const wait = control.waitFor(
          ({ method, url, status }) =>
            matches(method, url.split('?', 1)[0] ?? '') && (!isAnswered || status !== undefined),
          { timeoutMs: Math.min(wholeNumber(query, 'timeoutMs', 10_000), WAIT_LIMIT_MS) },
        );
        return wait.catch((error: unknown) => {
          throw new Refusal(408, 'NoSuchRequest', error instanceof Error ? error.message : String(error));
        });
      },
    },
    {
      method: 'POST',
      path: '/holds',
      does: 'holds back the answers of a route',
      run: ({ body }) => ({ id: control.hold(patternSchema.parse(body ?? {})).id }),
    },
    {
      method: 'GET',
      path: '/holds/*',
      does: 'tells how many answers it holds',
      run: ({ params: [id = ''] }) => ({ id, held: requireHold(control, id).held() }),
    },
    {
      method: 'DELETE',
      path: '/holds/*',
      does: 'lets go',
      run: ({ params: [id = ''] }) => requireHold(control, id).release(),
    },
    { method: 'GET', path: '/settings', does: 'shows the settings', run: () => control.settings() },
    {
      method: 'POST',
      path: '/settings',
      does: 'changes some settings',
      run: ({ body }) => {
        control.configure(settingsSchema.parse(body));
        return control.settings();
      },
    },
    { method: 'DELETE', path: '/tokens', does: 'revokes all tokens', run: () => control.revokeTokens() },
    {
      method: 'POST',
      path: '/rival-writes/*/*',
      does: 'changes a contact of a book behind the back of the client',
      run: ({ params: [bookId = '', contactId = ''], body }) =>
        control.rivalWrite(bookId, contactId, attributes.parse(body)),
    },
    {
      method: 'PUT',
      path: '/rival-writes',
      does: 'lets a rival write before every k-th PUT ({every, times?, patch}, or null)',
      run: ({ body }) => control.rivalBeforePut(planSchema.parse(body ?? null)),
    },
    {
      method: 'POST',
      path: '/deliveries',
      does: 'delivers a signed webhook now',
      run: ({ body }) => {
        const { event, ...options } = deliverySchema.parse(body);
        return control.deliver(event, options);
      },
    },
    { method: 'GET', path: '/deliveries', does: 'counts the deliveries', run: () => control.deliveries() },
    {
      method: 'PUT',
      path: '/deliveries',
      does: 'makes deliveries repeat and come out of order ({times, spreadMs})',
      run: ({ body }) => {
        const { times, spreadMs } = modeSchema.parse(body);
        control.deliverAs({ ...(times !== undefined && { times }), ...(spreadMs !== undefined && { spreadMs }) });
      },
    },
    ...stateRoutes(control),
  ];
}

/** @returns the handler of everything under `/_sandbox`; it rejects only when the connection breaks */
export function createControlRoutes(
  control: SandboxControl,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const routes = controlRouteList(control).map((route) => ({
    ...route,
    pattern: new RegExp(`^/_sandbox${route.path.replaceAll('*', '([^/]+)')}$`),
  }));
  const overview = () => routes.map(({ method, path, does }) => ({ route: `${method} /_sandbox${path}`, does }));

  return async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://sandbox');
    try {
      const raw = await readBytes(request);
      const isOverview = /^\/_sandbox\/?$/.test(pathname);
      const found = routes.filter(({ pattern }) => pattern.test(pathname));
      const route = found.find(({ method }) => method === request.method);
      if (!route && !isOverview) throw new Refusal(found.length > 0 ? 405 : 404, 'NoSuchRoute', 'See GET /_sandbox.');
      const params = (route?.pattern.exec(pathname) ?? []).slice(1).map(decodeURIComponent);
      const body: unknown = raw.length > 0 ? JSON.parse(raw.toString()) : undefined;
      const answer: unknown = route ? await route.run({ params, query: searchParams, body }) : overview();
      sendReply(response, answer === undefined ? { status: 204 } : { status: 200, body: answer });
    } catch (error) {
      const refusal = error instanceof Refusal ? error : badControl(error);
      sendReply(response, { status: refusal.status, body: { code: refusal.code, message: refusal.message } });
    }
  };
}

function badControl(error: unknown): Refusal {
  if (error instanceof z.ZodError) return new Refusal(400, 'BadRequest', z.prettifyError(error));
  return new Refusal(400, 'BadRequest', error instanceof Error ? error.message : String(error));
}

function requireHold(control: SandboxControl, id: string) {
  const hold = control.findHold(id);
  if (!hold) throw notFound('hold', id);
  return hold;
}
