/** The filter grammar of contacts (cxone-api.md, section 2): `field eq 'value'`, joined with ` and ` (A), quotes doubled. */
import { invalid } from './refusal.ts';

export interface FilterClause {
  /** `customAttributes.<name>`, `emailAddresses.address`, `firstName` or `lastName`. */
  field: string;
  value: string;
}

const CLAUSE = /^([A-Za-z][\w.-]*) eq '((?:[^']|'')*)'/;
const JOINER = ' and ';
const FIELDS = /^(firstName|lastName|emailAddresses\.address|customAttributes\.[\w-]+)$/;

/** All clauses must hold. @throws Refusal 400 for anything outside of the grammar */
export function parseFilter(text: string): FilterClause[] {
  const clauses: FilterClause[] = [];
  let rest = text;
  for (;;) {
    const match = CLAUSE.exec(rest);
    const [all = '', field = '', quoted = ''] = match ?? [];
    if (!match) throw malformed(`expected <field> eq '<value>' at character ${text.length - rest.length + 1}`);
    if (!FIELDS.test(field)) throw malformed(`there is no field ${field}`);
    clauses.push({ field, value: quoted.replaceAll("''", "'") });
    rest = rest.slice(all.length);
    if (rest === '') return clauses;
    if (!rest.startsWith(JOINER)) throw malformed(`expected "${JOINER}" at character ${text.length - rest.length + 1}`);
    rest = rest.slice(JOINER.length);
  }
}

function malformed(message: string) {
  return invalid([{ path: 'filter', message }], 'filter-grammar');
}
