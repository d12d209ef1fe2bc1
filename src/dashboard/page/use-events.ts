/** A subscription for as long as a component is shown; one that ends is begun again. */
import { useEffect, useRef } from 'preact/hooks';
import type { TypedDocumentString } from '../../client/generated/graphql.ts';
import { useGateway } from './gateway.ts';

/** Before a subscription that ended is begun anew, in milliseconds. Broken connections mend themselves below this. */
const AGAIN_MS = 3_000;

/** Calls `onEvent` with the data of every event. `variables` must not change. */
export function useEvents<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  onEvent: (data: Data) => void,
): void {
  const gateway = useGateway();
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    let isOver = false;
    let stop = () => {};
    let again: ReturnType<typeof setTimeout> | undefined;
    const begin = () => {
      stop = gateway.subscribe(document, variables, {
        onEvent: (data) => latest.current(data),
        onEnd() {
          // To stop it from here ends it too.
          if (!isOver) again = setTimeout(begin, AGAIN_MS);
        },
      });
    };
    begin();
    return () => {
      isOver = true;
      stop();
      clearTimeout(again);
    };
  }, [gateway, document]);
}
