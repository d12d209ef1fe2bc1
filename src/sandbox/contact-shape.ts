/** What a contact must look like to be taken (cxone-api.md, section 2), and what is taken but goes wrong later. */
import { type FieldType, fitsType, isE164, isEmail, isObject, type JsonObject, unknownKeys } from './formats.ts';
import { invalid, type RefusalIssue } from './refusal.ts';

/**
 * Checks the body of a create or replace against the book's definitions.
 * @param violate told of phones and addresses that are accepted and silently misrouted later
 * @throws Refusal 400 with every issue
 */
export function checkContact(
  given: JsonObject,
  fields: ReadonlyMap<string, FieldType>,
  violate: (rule: string, detail?: string) => void,
): JsonObject {
  const issues: RefusalIssue[] = [];
  for (const key of ['firstName', 'lastName']) {
    const value = given[key];
    if (value !== undefined && value !== null && typeof value !== 'string') {
      issues.push({ path: key, message: 'must be a text' });
    }
  }
  const phones = checkRoutes(given.phoneNumbers, 'phoneNumbers', 'number', isE164, issues, 'must be in E.164 format');
  const emails = checkRoutes(given.emailAddresses, 'emailAddresses', 'address', isEmail, issues, 'must be an address');
  checkAttributes(given.customAttributes, fields, issues);
  if (issues.length > 0) throw invalid(issues, 'contact-shape');
  for (const [route, rule] of [
    [phones, 'misrouted-phone'],
    [emails, 'misrouted-email'],
  ] as const) {
    for (const { type, primary } of route) {
      if (typeof type !== 'string' || type === '' || typeof primary !== 'boolean') violate(rule);
    }
  }
  return given;
}

/** Phones and addresses alike: a list of objects with a checked value, a type and a primary flag. */
function checkRoutes(
  list: unknown,
  at: string,
  key: string,
  fits: (value: unknown) => boolean,
  issues: RefusalIssue[],
  message: string,
): JsonObject[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) {
    issues.push({ path: at, message: 'must be a list' });
    return [];
  }
  return list.flatMap((item: unknown, index) => {
    const path = `${at}[${index}]`;
    if (!isObject(item)) {
      issues.push({ path, message: 'must be an object' });
      return [];
    }
    issues.push(...unknownKeys(item, [key, 'type', 'primary'], path));
    if (!fits(item[key])) issues.push({ path: `${path}.${key}`, message });
    return [item];
  });
}

function checkAttributes(given: unknown, fields: ReadonlyMap<string, FieldType>, issues: RefusalIssue[]): void {
  if (given === undefined || given === null) return;
  if (!isObject(given)) {
    issues.push({ path: 'customAttributes', message: 'must be an object' });
    return;
  }
  for (const [name, value] of Object.entries(given)) {
    const path = `customAttributes.${name}`;
    const type = fields.get(name);
    if (type === undefined) issues.push({ path, message: 'is not defined in this address book' });
    else if (!fitsType(value, type)) issues.push({ path, message: `must be of type ${type}` });
  }
}

/** The whole contact as it is stored: what was left out is gone, lists and attributes are empty rather than missing. */
export function normaliseContact(given: JsonObject): JsonObject {
  const { firstName, lastName, phoneNumbers, emailAddresses, customAttributes } = given;
  return {
    ...(typeof firstName === 'string' && { firstName }),
    ...(typeof lastName === 'string' && { lastName }),
    phoneNumbers: phoneNumbers ?? [],
    emailAddresses: emailAddresses ?? [],
    customAttributes: customAttributes ?? {},
  };
}
