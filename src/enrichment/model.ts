/** Campaigns and the attributes of contacts on a list: CXone's shapes, and the rules attributes keep before they are sent. */
import { z } from 'zod';
import type { AttributeDefinition } from '../contact-lists/model.ts';
import type { Issue } from '../errors.ts';
import { textFault } from '../plain-text.ts';

/** Section 5 of cxone-api.md: `{campaignId, name?, status, maxEnrichmentTimeout (ms), contactListId?}`. */
export const wireCampaign = z.object({
  campaignId: z.string().min(1),
  name: z.string().nullish(),
  status: z.string(),
  maxEnrichmentTimeout: z.number().nullish().catch(undefined),
});

export interface Campaign {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  /** 0 where CXone gave none that is usable. */
  readonly maxEnrichmentTimeoutMs: number;
}

/** The largest that GraphQL's Int holds: no campaign means a longer time. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export function toCampaign(wire: z.infer<typeof wireCampaign>): Campaign {
  const timeoutMs = Math.floor(wire.maxEnrichmentTimeout ?? 0);
  return {
    id: wire.campaignId,
    name: wire.name ?? null,
    status: wire.status,
    maxEnrichmentTimeoutMs: Math.min(Math.max(timeoutMs, 0), LONGEST_TIMEOUT_MS),
  };
}

/** Section 5: milliseconds of a campaign's timeout that one contact takes. */
const MS_PER_CONTACT = 10;
/** Section 5: contacts a second; no call holds more than that. */
export const MAX_CONTACTS_PER_SECOND = 500;
/** Contacts a call where no campaign is named: what fits one with a timeout of a second. */
export const UNBOUNDED_BATCH = 100;

/** How many contacts fit into the campaign's timeout; 0 where none does. */
export function maxEnrichmentBatch({ maxEnrichmentTimeoutMs }: Campaign): number {
  return Math.floor(maxEnrichmentTimeoutMs / MS_PER_CONTACT);
}

export interface ContactAttributes {
  readonly contactId: string;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export type AttributeValue = string | number;

/** Section 5: never sent, since they would erase what is there. */
const EMPTY_VALUES: ReadonlySet<unknown> = new Set([undefined, null, '', 'null', 'NULL', 'N/A']);

/** The attributes that have a value. */
export function dropEmpty(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => !EMPTY_VALUES.has(value)));
}

/**
 * The attributes cast to the types that the list's schema gives them: "42" is an integer where one is wanted, and 42
 * is text where that is. What cannot be is told by path.
 */
export function castAttributes(
  attributes: Readonly<Record<string, unknown>>,
  definitions: readonly AttributeDefinition[],
): { attributes: Record<string, AttributeValue> } | { issues: Issue[] } {
  const types = new Map(definitions.map(({ name, type }) => [name, type]));
  const issues: Issue[] = [];
  const cast: [string, AttributeValue][] = [];
  for (const [name, value] of Object.entries(attributes)) {
    const path = ['attributes', name];
    const type = types.get(name);
    if (!type) {
      issues.push({
        path,
        code: 'UNKNOWN_ATTRIBUTE',
        message: 'The list has no attribute of this name. Use one of its schema, or add it there.',
      });
      continue;
    }
    const fitted = castValue(value, type);
    if (fitted !== undefined) cast.push([name, fitted]);
    else issues.push({ path, code: 'WRONG_TYPE', message: `This must be ${TYPE_NAMES[type]}.` });
  }
  return issues.length > 0 ? { issues } : { attributes: Object.fromEntries(cast) };
}

const TYPE_NAMES: Readonly<Record<AttributeDefinition['type'], string>> = {
  string: 'text',
  integer: 'a whole number',
  decimal: 'a number',
};

function castValue(value: unknown, type: AttributeDefinition['type']): AttributeValue | undefined {
  if (type === 'string') {
    if (typeof value === 'string') return textFault(value) ? undefined : value;
    return typeof value === 'boolean' || Number.isFinite(value) ? String(value) : undefined;
  }
  const number = typeof value === 'string' && DECIMAL.test(value.trim()) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  return type === 'decimal' || Number.isSafeInteger(number) ? number : undefined;
}

const DECIMAL = /^[+-]?\d{1,32}(?:\.\d{1,32})?(?:e[+-]?\d{1,3})?$/i;
