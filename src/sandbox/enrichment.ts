/** Attributes of contacts on a list, and the campaigns that bound their batches (cxone-api.md, section 5). */
import { listAttributes, requireContactList } from './contact-lists.ts';
import type { Database } from './database.ts';
import type { Exchange, Reply, Route } from './exchange.ts';
import type { FieldType } from './formats.ts';
import { fitsType, isId, isObject, type JsonObject, requireArray, requireObject, unknownKeys } from './formats.ts';
import { invalid, notFound, type RefusalIssue } from './refusal.ts';

/** Milliseconds of a campaign's enrichment timeout that each contact of a batch takes (section 5). */
const MS_PER_CONTACT = 10;
/** Contacts a call may carry where no campaign uses the list (A: a second's worth of the throttle). */
const MAX_CONTACTS = 500;
/** Never sent (section 5). */
const EMPTY_VALUES: readonly unknown[] = [null, '', 'null', 'NULL', 'N/A'];
const READ = ['contacts.read', 'customerdb:read'] as const;
const WRITE = ['contacts.write', 'customerdb:write'] as const;

export interface EnrichedContact {
  contactId: string;
  attributes: JsonObject;
}

export interface EnrichmentDeps {
  db: Database;
  now: () => number;
  /** @throws Refusal 429 when these contacts would be more than 500 within a second */
  admitContacts: (count: number) => void;
  onEnriched: (listId: string, contacts: readonly EnrichedContact[]) => void;
}

/** The routes of list attributes and of campaigns. */
export function enrichmentRoutes(deps: EnrichmentDeps): Route[] {
  const { db, now } = deps;
  return [
    {
      method: 'GET',
      path: '/api/v2/contacts/lists/{listId}/schema',
      group: 'enrichment',
      scopes: READ,
      takes: 'nothing',
      handle: ({ params }) => ({
        status: 200,
        body: { attributes: listAttributes(requireContactList(db, params.listId)) },
      }),
    },
    {
      method: 'POST',
      path: '/api/v2/contacts/lists/{listId}/contacts',
      group: 'enrichment',
      scopes: WRITE,
      takes: 'json',
      countItems: (body) => (isObject(body) && Array.isArray(body.contacts) ? body.contacts.length : 0),
      handle: (exchange) => enrich(deps, exchange),
    },
    {
      method: 'POST',
      path: '/api/v2/contacts/lists/{listId}/actions/refresh',
      group: 'enrichment',
      scopes: WRITE,
      takes: 'nothing',
      handle: ({ params }) => {
        const { id } = requireContactList(db, params.listId);
        db.run('UPDATE contact_lists SET refreshed_at = ? WHERE id = ?', now(), id);
        return { status: 202 };
      },
    },
    {
      method: 'GET',
      path: '/api/v2/outbound/campaigns/{campaignId}',
      group: 'enrichment',
      scopes: ['outbound.read'],
      takes: 'nothing',
      handle: ({ params }) => ({ status: 200, body: readCampaign(db, params.campaignId) }),
    },
  ];
}

interface CampaignRow {
  id: string;
  name: string;
  status: string;
  max_enrichment_timeout_ms: number;
  list_id: string | null;
}

function readCampaign(db: Database, id = ''): JsonObject {
  const row = db.one<CampaignRow>('SELECT * FROM campaigns WHERE id = ?', id);
  if (!row) throw notFound('campaign', id);
  return {
    campaignId: row.id,
    name: row.name,
    status: row.status,
    maxEnrichmentTimeout: row.max_enrichment_timeout_ms,
    ...(row.list_id !== null && { contactListId: row.list_id }),
  };
}

/** A request does not say which campaign it is for, so it must fit the most generous one of its list (A). */
function maxContacts(db: Database, listId: string): number {
  const row = db.one<{ longest: number | null }>(
    'SELECT max(max_enrichment_timeout_ms) AS longest FROM campaigns WHERE list_id = ?',
    listId,
  );
  const bound = row?.longest == null ? MAX_CONTACTS : Math.floor(row.longest / MS_PER_CONTACT);
  return Math.min(bound, MAX_CONTACTS);
}

function enrich({ db, now, admitContacts, onEnriched }: EnrichmentDeps, exchange: Exchange): Reply {
  const list = requireContactList(db, exchange.params.listId);
  const body = requireObject(exchange.body, ['contactListId', 'contacts']);
  if (body.contactListId !== list.id) {
    throw invalid([{ path: 'contactListId', message: 'is not the list in the path' }], 'body-shape');
  }
  const given = requireArray(body.contacts, maxContacts(db, list.id), 'contacts', 'batch-size');
  const types = new Map(listAttributes(list).map(({ name, type }) => [name, type]));
  const issues: RefusalIssue[] = [];
  const contacts = given.flatMap(
    (item, index) => checkEnriched(item, `contacts[${index}]`, types, issues, exchange) ?? [],
  );
  if (issues.length > 0) throw invalid(issues, 'attribute-shape');
  admitContacts(contacts.length);

  const failed: { contactId: string; code: string; message: string }[] = [];
  const enriched = contacts.filter(({ contactId }, index) => {
    const refused = exchange.refuseItem(contactId, index);
    if (refused) failed.push({ contactId, ...refused });
    return !refused;
  });
  for (const { contactId, attributes } of enriched) {
    db.run(
      `INSERT INTO attributes (list_id, contact_id, attributes_json, written_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (list_id, contact_id) DO UPDATE SET
         attributes_json = json_patch(attributes_json, excluded.attributes_json), written_at = excluded.written_at`,
      list.id,
      contactId,
      JSON.stringify(attributes),
      now(),
    );
  }
  onEnriched(list.id, enriched);
  return { status: 200, body: { processedCount: enriched.length, ...(failed.length > 0 && { failed }) } };
}

function checkEnriched(
  given: unknown,
  at: string,
  types: ReadonlyMap<string, FieldType>,
  issues: RefusalIssue[],
  { violate }: Exchange,
): EnrichedContact | undefined {
  if (!isObject(given)) {
    issues.push({ path: at, message: 'must be an object' });
    return undefined;
  }
  const { contactId, attributes } = given;
  issues.push(...unknownKeys(given, ['contactId', 'attributes'], at));
  if (!isId(contactId)) issues.push({ path: `${at}.contactId`, message: 'must be an id' });
  if (!isObject(attributes) || Object.keys(attributes).length === 0) {
    issues.push({ path: `${at}.attributes`, message: 'must hold at least one attribute' });
    return undefined;
  }
  for (const [name, value] of Object.entries(attributes)) {
    const path = `${at}.attributes.${name}`;
    const type = types.get(name);
    if (EMPTY_VALUES.includes(value)) {
      violate('empty-attribute-value');
      issues.push({ path, message: 'is an empty value, which would erase what is there' });
    } else if (type === undefined) {
      issues.push({ path, message: 'is not in the schema of this list' });
    } else if (!fitsType(value, type)) {
      issues.push({ path, message: `must be of type ${type}` });
    }
  }
  return isId(contactId) ? { contactId, attributes } : undefined;
}
