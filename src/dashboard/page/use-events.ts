/** A subscription for as long as a component is shown; one that ends is begun again. */
import { useEffect, useRef } from 'preact/hooks';
import { type AnyVariables, useClient } from 'urql';
import type { TypedDocumentString } from '../../client/generated/graphql.ts';
import { codeOf, typed } from './gateway.ts';

/** Before a subscription that ended is begun anew, in milliseconds. Broken connections mend themselves below this. */
const AGAIN_MS = 3_000;

/** Calls `onEvent` with the data of every event. `variables` must not change. */
export function useEvents<Data, Variables extends AnyVariables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  onEvent: (data: Data) => void,
): void {
  const client = useClient();
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    let stop = () => {};
    let again: ReturnType<typeof setTimeout> | undefined;
    const begin = () => {
      const { unsubscribe } = client.subscription(typed(document), variables).subscribe(({ data, error, hasNext }) => {
        if (data) latest.current(data);
        // Its cursor is no longer kept, or the gateway ended it: from now on, then.
        if ((error && codeOf(error) !== 'UNAUTHENTICATED') || hasNext === false) {
          stop();
          clearTimeout(again);
          again = setTimeout(begin, AGAIN_MS);
        }
      });
      stop = unsubscribe;
    };
    begin();
    return () => {
      stop();
      clearTimeout(again);
    };
  }, [client, document]);
}
