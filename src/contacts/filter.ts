/**
 * CXone's filter expressions (cxone-api.md, section 2), and the same filter on a contact: CXone's results are checked
 * again before anything is shown or written, because an upstream that misreads a filter answers with everybody.
 */
import { type Issue, ValidationError } from '../errors.ts';
import { textFault } from '../plain-text.ts';
import { EXTERNAL_REF, type WireContact } from './model.ts';

/** All clauses that are given must hold. */
export interface ContactFilter {
  readonly externalRefId?: string | null | undefined;
  readonly email?: string | null | undefined;
  readonly firstName?: string | null | undefined;
  readonly lastName?: string | null | undefined;
  readonly customAttribute?: { readonly name: string; readonly equals: string } | null | undefined;
}

interface Clause {
  readonly field: string;
  readonly value: string;
  /** Where it was given, for an issue. */
  readonly path: readonly string[];
  readonly holds: (wire: WireContact) => boolean;
}

/** Longer than any value worth looking for; a filter travels in a URL. */
const MAX_VALUE_LENGTH = 512;

/** A name is not quoted in the expression, so nothing may stand in it that could end it. */
const ATTRIBUTE_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,127}$/u;

function clausesOf(filter: ContactFilter): Clause[] {
  const clauses: Clause[] = [];
  const attribute = (name: string, value: string, path: readonly string[]) =>
    clauses.push({
      field: `customAttributes.${name}`,
      value,
      path,
      holds: (wire) => attributeText(wire, name) === value,
    });
  const { externalRefId, email, firstName, lastName, customAttribute } = filter;
  if (typeof externalRefId === 'string') attribute(EXTERNAL_REF, externalRefId, ['externalRefId']);
  if (typeof email === 'string') {
    // The field's name is an assumption (section 2). Mailboxes do not tell letter case apart.
    const wanted = email.toLowerCase();
    const holds = (wire: WireContact) => wire.emailAddresses?.some((e) => e.address.toLowerCase() === wanted) ?? false;
    clauses.push({ field: 'emailAddresses.address', value: email, path: ['email'], holds });
  }
  if (typeof firstName === 'string') {
    const holds = (wire: WireContact) => wire.firstName === firstName;
    clauses.push({ field: 'firstName', value: firstName, path: ['firstName'], holds });
  }
  if (typeof lastName === 'string') {
    const holds = (wire: WireContact) => wire.lastName === lastName;
    clauses.push({ field: 'lastName', value: lastName, path: ['lastName'], holds });
  }
  if (customAttribute) attribute(customAttribute.name, customAttribute.equals, ['customAttribute', 'equals']);
  return clauses;
}

function attributeText(wire: WireContact, name: string): string | undefined {
  const attributes = wire.customAttributes;
  const value = attributes && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  return value === undefined || value === null || typeof value === 'object' ? undefined : String(value);
}

/**
 * The filter as an expression: `'` in a value doubled, clauses joined with ` and `. Undefined where nothing is asked for.
 *
 * @param path where the filter stands in the input
 * @throws ValidationError for a value or an attribute's name that cannot stand in an expression
 */
export function filterExpression(filter: ContactFilter, path: readonly string[] = ['filter']): string | undefined {
  const clauses = clausesOf(filter);
  const issues = clauses.flatMap((clause) => valueIssues(clause, path));
  if (filter.customAttribute && !ATTRIBUTE_NAME.test(filter.customAttribute.name)) {
    const message = 'No field of an address book can have this name.';
    issues.push({ path: [...path, 'customAttribute', 'name'], code: 'INVALID_NAME', message });
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return clauses.length === 0
    ? undefined
    : clauses.map(({ field, value }) => `${field} eq '${value.replaceAll("'", "''")}'`).join(' and ');
}

function valueIssues(clause: Clause, path: readonly string[]): Issue[] {
  const at = [...path, ...clause.path];
  const fault = textFault(clause.value);
  if (fault) return [{ path: at, code: 'BAD_TEXT', message: `This contains ${fault}. Remove it.` }];
  if (clause.value.length <= MAX_VALUE_LENGTH) return [];
  return [{ path: at, code: 'TOO_LONG', message: `This has more than ${MAX_VALUE_LENGTH} characters. Shorten it.` }];
}

/** Whether a contact is what the filter asks for. */
export function matchesFilter(wire: WireContact, filter: ContactFilter): boolean {
  return clausesOf(filter).every((clause) => clause.holds(wire));
}
