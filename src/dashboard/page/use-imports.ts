/**
 * The imports, newest first, kept up to date by the subscription to all of them. A page that was read is older than an
 * event that came meanwhile, so each import remembers how new what it shows is.
 */
import { useCallback, useEffect, useReducer, useRef } from 'preact/hooks';
import { useClient } from 'urql';
import {
  ImportActivityDocument,
  type ImportNewsFragment,
  ImportsDocument,
  type ImportsQuery,
} from '../../client/generated/graphql.ts';
import { messageOf, typed } from './gateway.ts';
import { useEvents } from './use-events.ts';

type ListedImport = ImportsQuery['imports']['nodes'][number];

export interface ShownImport extends ListedImport {
  /** When what it shows was asked for or told, in milliseconds of this page's life. */
  readonly asOf: number;
}

interface State {
  readonly imports: readonly ShownImport[];
  /** Where older ones go on; null where there are none. */
  readonly olderAfter: string | null;
  readonly error: string | null;
  readonly isLoaded: boolean;
}

type Change =
  | { kind: 'page'; page: ImportsQuery['imports']; asOf: number; isOlder: boolean }
  | { kind: 'event'; event: ImportNewsFragment; asOf: number }
  | { kind: 'error'; message: string };

const PAGE_SIZE = 15;
/** How long a subscription may take to begin. */
const SUBSCRIBED_MS = 2_000;

export interface Imports extends State {
  loadOlder(): void;
  refresh(): void;
}

/** `onEvent` hears every event, in order. */
export function useImports(isLive: boolean, onEvent: (event: ImportNewsFragment) => void): Imports {
  const client = useClient();
  const [state, change] = useReducer(reduce, { imports: [], olderAfter: null, error: null, isLoaded: false });
  const known = useRef(new Set<string>());
  const refreshing = useRef({ isRunning: false, isWanted: false });

  const load = useCallback(
    async (after: string | null) => {
      const asOf = performance.now();
      const { data, error } = await client.query(typed(ImportsDocument), { first: PAGE_SIZE, after }).toPromise();
      if (error) change({ kind: 'error', message: messageOf(error) });
      if (!data) return;
      for (const { id } of data.imports.nodes) known.current.add(id);
      change({ kind: 'page', page: data.imports, asOf, isOlder: after !== null });
    },
    [client],
  );
  // One at a time: urql gives whoever asks the same again the answer that is on its way, which is older than the question.
  const refresh = useCallback(() => {
    const { current } = refreshing;
    current.isWanted = true;
    if (current.isRunning) return;
    current.isRunning = true;
    void (async () => {
      while (current.isWanted) {
        current.isWanted = false;
        await load(null);
      }
      current.isRunning = false;
    })();
  }, [load]);

  // Whenever the connection is there (again): what happened before the first event has no cursor to resume from. And once
  // more when the subscription has surely begun, for what happened in between.
  useEffect(() => {
    if (!isLive) return;
    refresh();
    const timeout = setTimeout(refresh, SUBSCRIBED_MS);
    return () => clearTimeout(timeout);
  }, [isLive, refresh]);

  useEvents(ImportActivityDocument, {}, ({ importActivity: event }) => {
    // An event tells little of an import that nobody has heard of yet: its target and links come with the list.
    if (!known.current.has(event.import.id)) refresh();
    change({ kind: 'event', event, asOf: performance.now() });
    onEvent(event);
  });

  return { ...state, refresh, loadOlder: () => void load(state.olderAfter) };
}

function reduce(state: State, change: Change): State {
  switch (change.kind) {
    case 'error':
      return { ...state, error: change.message, isLoaded: true };
    case 'page': {
      const { page, asOf, isOlder } = change;
      const shown = new Map(state.imports.map((each) => [each.id, each]));
      for (const node of page.nodes) {
        const before = shown.get(node.id);
        const isOutdated = before !== undefined && before.asOf > asOf;
        const { target, rejectionsUrl } = node;
        shown.set(node.id, isOutdated ? { ...before, target, rejectionsUrl } : { ...node, asOf });
      }
      const { endCursor, hasNextPage } = page.pageInfo;
      const isFurther = isOlder || state.imports.length === 0;
      return {
        imports: [...shown.values()].sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)),
        olderAfter: isFurther ? (hasNextPage ? endCursor : null) : state.olderAfter,
        error: null,
        isLoaded: true,
      };
    }
    case 'event': {
      const { event, asOf } = change;
      const imports = state.imports.map((each) => (each.id === event.import.id ? withEvent(each, event, asOf) : each));
      return { ...state, imports };
    }
  }
}

function withEvent(shown: ShownImport, event: ImportNewsFragment, asOf: number): ShownImport {
  return { ...shown, ...event.import, progress: event.progress, asOf };
}
