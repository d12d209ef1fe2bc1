/** Holds what a gateway wrote during a test against what it must never write: secrets of its own, and people. */
import type { Sandbox } from '../../src/sandbox/server.ts';

/** Of what people are called. Shorter ones, and those that begin small, are words of other things too. */
const NAME = /^\p{Lu}\p{L}{3,}$/u;
/** Enough of a long list to be met, had its rows been written. */
const MOST_OF_A_LIST = 2000;

/** Forms that nothing but a secret has: a token of CXone's or a caller's, a signing secret, a link's token. */
const SECRET_FORMS = [
  /\b(Bearer|Basic)\s+(?!\[)[\w.~+/=-]{8,}/,
  /\bwhsec_[\w+/]{8,}/,
  /\beyJ[\w-]+\.[\w-]+\./,
  /token=(?!\[)/,
];

/**
 * The lines that tell a secret, or something of a person's, each with what it tells.
 *
 * @param secrets whole texts that must not be in any line
 * @param people words that must not stand in any line by themselves; phone numbers with or without their plus
 */
export function leaksIn(
  lines: Iterable<string>,
  { secrets, people }: { secrets: readonly string[]; people: ReadonlySet<string> },
): string[] {
  const leaks: string[] = [];
  for (const line of lines) {
    const told =
      secrets.find((secret) => line.includes(secret)) ??
      SECRET_FORMS.map((form) => form.exec(line)?.[0]).find((text) => text !== undefined) ??
      line.split(/[^\p{L}\p{N}@._-]+/u).find((word) => people.has(word));
    if (told !== undefined) leaks.push(`${told} in ${line.slice(0, 500)}`);
  }
  return leaks;
}

/** Names, numbers and addresses of the people that the sandbox knows by now, those of the test included. */
export function peopleOf({ control }: Sandbox): Set<string> {
  const { state } = control;
  const people = new Set<string>();
  const read = (value: unknown) => {
    if (typeof value === 'string') {
      if (NAME.test(value) || value.includes('@')) people.add(value);
      if (/^\+\d{7,}$/.test(value)) people.add(value.slice(1));
    } else if (typeof value === 'object' && value !== null) {
      for (const inner of Object.values(value)) read(inner);
    }
  };
  const slice = { limit: MOST_OF_A_LIST };
  const contacts = [
    ...booksOf(control.requestLog()).flatMap((bookId) => state.contacts(bookId, slice)),
    ...state.contactLists().flatMap(({ id }) => [...state.outboundContacts(id, slice), ...state.records(id, slice)]),
  ];
  for (const { firstName, lastName, phone, email, phoneNumbers, emailAddresses } of contacts) {
    read([firstName, lastName, phone, email]);
    for (const list of [phoneNumbers, emailAddresses]) {
      if (Array.isArray(list)) for (const { number, address } of list) read([number, address]);
    }
  }
  return people;
}

/** The books there were from the start, and those that were asked for. */
function booksOf(requests: readonly { readonly url: string }[]): string[] {
  const asked = requests.map(({ url }) => /^\/api\/v2\/addressbooks\/([^/?]+)/.exec(url)?.[1]);
  return [...new Set(['book-customers', ...asked])].filter((id) => id !== undefined).map(decodeURIComponent);
}

/** Secrets among environment variables: keys, and what is named a secret. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!value) return [];
    if (name === 'GATEWAY_API_KEYS') return value.split(',').map((entry) => entry.split(':').slice(2).join(':'));
    return /SECRET/.test(name) ? value.split(/[\s,]+/) : [];
  });
}
