/** Contacts as CXone enriches them, as they come in. */
import { useState } from 'preact/hooks';
import { useMutation } from 'urql';
import { type EnrichmentNewsFragment, RegisterEnrichmentWebhookDocument } from '../../client/generated/graphql.ts';
import { whole } from '../../client/number-text.ts';
import { rawId } from './format.ts';
import { messageOf, typed } from './gateway.ts';
import { Moment } from './moment.tsx';
import { useEnrichments } from './use-enrichments.ts';

export function EnrichmentPanel() {
  const { newest, count } = useEnrichments();
  return (
    <section aria-labelledby="enrichment-title">
      <div class="section-head">
        <h2 id="enrichment-title">Enrichment</h2>
        {count > 0 && <span class="quiet">{whole(count)} since this page was opened</span>}
      </div>
      {newest.length === 0 ? (
        <NothingYet />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
        <ul class="card news" tabIndex={0} aria-label="Newest first">
          {newest.map((event) => (
            <Enrichment key={event.cursor} event={event} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Enrichment({ event }: { event: EnrichmentNewsFragment }) {
  const { contactId, contactList, type, occurredAt, late, attributes } = event;
  return (
    <li>
      <div class="news-head">
        <b>{contactId}</b>
        <span class="quiet">
          <Moment of={occurredAt} />
        </span>
      </div>
      <p class="quiet">
        {type === 'CONTACT_ENRICHED' ? 'enriched' : 'changed'} on {contactList.name ?? rawId(contactList.id)}
        {late && ', told late: something newer was known before'}
      </p>
      <dl class="attributes">
        {Object.entries(attributes).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

function NothingYet() {
  const [{ data, error, fetching }, register] = useMutation(typed(RegisterEnrichmentWebhookDocument));
  const [isAsked, setIsAsked] = useState(false);
  const result = data?.registerEnrichmentWebhook;
  const problem = error ? messageOf(error) : result && 'message' in result ? result.message : null;
  return (
    <div class="empty">
      <h3>No contact enriched since this page was opened</h3>
      {isAsked && result && 'url' in result ? (
        <p class="quiet" role="status">
          Registered: CXone delivers to <code>{result.url}</code>.
        </p>
      ) : (
        <>
          <p class="quiet">
            CXone tells of enriched contacts by webhook. Once this gateway’s is registered, they appear here as they
            come.
          </p>
          <button
            type="button"
            disabled={fetching}
            onClick={() => {
              setIsAsked(true);
              void register({});
            }}
          >
            Register the webhook
          </button>
        </>
      )}
      {problem !== null && (
        <p class="alert" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
