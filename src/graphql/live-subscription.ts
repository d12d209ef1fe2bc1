/**
 * Live subscriptions: what they tell comes from the event log, from a cursor on, and is the same for all who ask for the
 * same with the same rights. So the server runs one for the news of all of them, and for each only what was before.
 */
import {
  type ArgumentNode,
  type DocumentNode,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import type { GraphQLContext } from './context.ts';
import { decodeEventCursor } from './event-cursors.ts';

/** Which part of a live subscription is run. Without one it is the whole: from what the arguments say, without an end. */
export interface LiveRun {
  /** past: what there was before the news. news: from now on, for all; or from `after` where that is a moment ago. */
  readonly part: 'past' | 'news';
  /** Where to begin, instead of where the arguments say. */
  readonly after?: number | undefined;
  /** Where the past ends, which may move on meanwhile. */
  readonly until?: (() => number) | undefined;
  /**
   * Set as it goes: the cursor behind what has been told, at first the one it begins behind. Infinity once it has failed,
   * and there is no going on.
   */
  at: number;
}

/** Where events are to be followed from and to; as the services take it. */
interface LivePlace {
  readonly after?: number | undefined;
  readonly until?: (() => number) | undefined;
  readonly signal: AbortSignal;
}

/** For the `extensions` of a subscription field that is resolved by `followLive` and whose cursor is its argument `after`. */
export const LIVE_FIELD = { isLive: true };

/**
 * How many events ago the first subscriber may have left off for the news to begin there. Thousands come back at once when
 * the gateway was away for half a minute: what they missed is run once for all of them.
 */
const MOMENT_EVENTS = 4_000;

/**
 * The events of a live subscription, or of the part of it that the context names.
 * @throws ValidationError for an `after` that is no cursor; what `follow` throws
 */
export async function followLive<Event extends { readonly seq: number }>(
  { live, call, services }: GraphQLContext,
  after: string | null | undefined,
  follow: (place: LivePlace) => Promise<AsyncIterable<Event>>,
): Promise<AsyncIterable<Event>> {
  // Every operation has a signal; one that never aborts stands in where a caller brought none.
  const signal = call.signal ?? new AbortController().signal;
  const asked = live?.after ?? (typeof after === 'string' ? decodeEventCursor(after) : undefined);
  if (!live) return follow({ after: asked, signal });
  const head = await services.liveEvents.head();
  if (live.part === 'past') {
    live.at = asked ?? head;
    return noting(await follow({ after: asked, until: live.until, signal }), live);
  }
  live.at = live.after !== undefined && head - live.after <= MOMENT_EVENTS ? live.after : head;
  return noting(await follow({ after: live.at, signal }), live);
}

async function* noting<Event extends { readonly seq: number }>(events: AsyncIterable<Event>, live: LiveRun) {
  for await (const event of events) {
    live.at = event.seq;
    yield event;
  }
}

/**
 * The text and the variables of a validated operation without its cursor: what the news have in common for all who give
 * the same. Undefined where the operation's one field is not live; one that stands in a fragment is taken for not.
 */
export function newsOf(
  schema: GraphQLSchema,
  {
    document,
    operation,
    text,
    variables,
  }: {
    readonly document: DocumentNode;
    readonly operation: OperationDefinitionNode;
    readonly text: string;
    readonly variables: Readonly<Record<string, unknown>>;
  },
): { readonly text: string; readonly variables: Readonly<Record<string, unknown>> } | undefined {
  const [node] = operation.selectionSet.selections;
  if (node?.kind !== Kind.FIELD) return undefined;
  const field = schema.getSubscriptionType()?.getFields()[node.name.value];
  if (field?.extensions.isLive !== true) return undefined;
  const after = node.arguments?.find(({ name }) => name.value === 'after');
  if (!after?.loc) return { text, variables };
  return {
    text: text.slice(0, after.loc.start) + text.slice(after.loc.end),
    variables: withoutCursor(variables, document, after),
  };
}

/** The variables without the one that gives the cursor, where it gives nothing else. */
function withoutCursor(variables: Readonly<Record<string, unknown>>, document: DocumentNode, { value }: ArgumentNode) {
  if (value.kind !== Kind.VARIABLE) return variables;
  const cursor = value.name.value;
  let uses = 0;
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => {
      if (name.value === cursor) uses += 1;
    },
  });
  if (uses > 1) return variables;
  const { [cursor]: _cursor, ...others } = variables;
  return others;
}
