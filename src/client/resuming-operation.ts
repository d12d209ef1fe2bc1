/**
 * Subscriptions that go on where they were: every event of the gateway has a cursor, and a subscription that is sent
 * again after a broken connection asks for what came after the last one it saw. Nothing is lost or told twice.
 */

export interface ResumingOperation {
  /** What to hand to graphql-ws. It writes the payload anew with every connection, and so with the newest cursor. */
  readonly payload: { readonly query: string; readonly variables: Record<string, unknown> };
  /** Takes note of the event that `data` holds. */
  advance(data: unknown): void;
}

/** A subscription with the argument variable `after`, for one use. */
export function resumingOperation(query: string, variables: Record<string, unknown>): ResumingOperation {
  let after: string | undefined;
  return {
    payload: {
      query,
      get variables() {
        return after === undefined ? variables : { ...variables, after };
      },
    },
    advance(data) {
      after = cursorOf(data) ?? after;
    },
  };
}

/** The cursor of the event in a subscription's only root field. */
function cursorOf(data: unknown): string | undefined {
  const [event] = Object.values(data ?? {});
  return typeof event?.cursor === 'string' ? event.cursor : undefined;
}
