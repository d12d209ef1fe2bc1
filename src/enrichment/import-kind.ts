/** Imports of kind ATTRIBUTES: attributes of contacts on a list. */
import { dedupeKey } from '../bulk/dedupe-key.ts';
import type { ImportKind } from '../bulk/import-kind.ts';
import { notAnId, readRowId } from '../bulk/row-ids.ts';
import type { Clock } from '../clock.ts';
import type { Issue } from '../errors.ts';
import { type AttributeParts, createAttributeOperation } from './bulk.ts';
import type { ListAttributes } from './list-attributes.ts';
import { type AttributeValue, type ContactAttributes, castAttributes, dropEmpty } from './model.ts';

export function createAttributeImportKind(
  deps: AttributeParts & { attributes: ListAttributes; clock: Clock },
): ImportKind<ContactAttributes> {
  const { attributes, clock, ...parts } = deps;
  return {
    name: 'ATTRIBUTES',
    targetType: 'ContactList',
    takesCampaign: true,
    defaultOnDuplicate: 'SKIP',
    severalSenders: false,
    // What a file offers and leaves empty belongs to its fill rate.
    columns: { known: ['contactId', 'attributes'], aliases: {}, rest: 'attributes', keepsEmptyIn: 'attributes' },

    async open({ targetId }, _options, call) {
      const target = targetId ?? '';
      const definitions = await attributes.get(target, call, { readSince: clock.monotonic() });
      if (!definitions) return null;
      return (row) => {
        const issues: Issue[] = [];
        const contactId = readRowId(row.contactId, 'Contact');
        if (contactId === null) issues.push(contactIdIssue(row.contactId));
        const offered = row.attributes ?? {};
        if (typeof offered !== 'object' || Array.isArray(offered)) {
          return {
            issues: [
              ...issues,
              { path: ['attributes'], code: 'NOT_OBJECT', message: 'This must be an object of names and values.' },
            ],
          };
        }
        const cast = castAttributes(dropEmpty({ ...offered }), definitions);
        if ('issues' in cast) issues.push(...cast.issues);
        if (contactId === null || 'issues' in cast) return { issues };
        return {
          item: { contactId, attributes: cast.attributes },
          target,
          dedupeKey: attributesKey(contactId, cast.attributes),
          fields: { total: Object.keys(offered).length, filled: Object.keys(cast.attributes).length },
        };
      };
    },

    operation: ({ campaignId }) => createAttributeOperation(parts, campaignId),

    /** The dialer reads what the import wrote. */
    async complete(target, _succeeded, call) {
      await parts.client.refresh(target, call);
      parts.refreshes.forget(target);
    },
  };
}

function contactIdIssue(given: unknown): Issue {
  return given === undefined || given === null || given === ''
    ? { path: ['contactId'], code: 'REQUIRED', message: 'A contactId is required.' }
    : { path: ['contactId'], code: 'INVALID_ID', message: notAnId('Contact') };
}

/** The same contact with the same attributes, in whatever order, is the same row. */
function attributesKey(contactId: string, attributes: Readonly<Record<string, AttributeValue>>): string {
  const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return dedupeKey(JSON.stringify([contactId, sorted]));
}
