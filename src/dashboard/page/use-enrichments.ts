/** The enrichment events that came last, newest first. CXone may tell of hundreds a second: they are shown in gulps. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ContactEnrichedDocument, type EnrichmentNewsFragment } from '../../client/generated/graphql.ts';
import { useEvents } from './use-events.ts';

const SHOWN = 30;
const GULP_MS = 250;

export interface Enrichments {
  readonly newest: readonly EnrichmentNewsFragment[];
  /** Since the page was opened. */
  readonly count: number;
}

export function useEnrichments(): Enrichments {
  const [enrichments, setEnrichments] = useState<Enrichments>({ newest: [], count: 0 });
  const waiting = useRef<EnrichmentNewsFragment[]>([]);
  const timeout = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timeout.current), []);

  const swallow = () => {
    timeout.current = undefined;
    const fresh = waiting.current.splice(0);
    setEnrichments(({ newest, count }) => ({
      newest: [...fresh.slice(-SHOWN).reverse(), ...newest].slice(0, SHOWN),
      count: count + fresh.length,
    }));
  };
  useEvents(ContactEnrichedDocument, {}, ({ contactEnriched }) => {
    waiting.current.push(contactEnriched);
    timeout.current ??= setTimeout(swallow, GULP_MS);
  });
  return enrichments;
}
