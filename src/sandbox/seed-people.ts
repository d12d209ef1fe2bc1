/** Invented people: names, phone numbers from the range kept free for fiction (555-0100 to 0199), example.com addresses. */

export interface Person {
  firstName: string;
  lastName: string;
  phone: string;
  email: string;
  externalRefId: string;
  tier: 'bronze' | 'silver' | 'gold' | 'platinum';
  lifetimeValue: number;
  loyaltyPoints: number;
  birthday: string;
  isVip: boolean;
}

const FIRST_NAMES = [
  'Ada',
  'Benjamin',
  'Carmen',
  'Dmitri',
  'Élodie',
  'Farid',
  'Grace',
  'Hiro',
  'Ingrid',
  'João',
  'Katarzyna',
  'Liam',
  'Maya',
  'Nils',
  'Olivia',
  'Priya',
  'Quentin',
  'Rosa',
  'Sven',
  'Tamara',
  'Umar',
  'Valentina',
  'Wei',
  'Ximena',
  'Yusuf',
  'Zoë',
];
const LAST_NAMES = [
  'Almeida',
  'Bauer',
  'Chen',
  'Dubois',
  'Eriksson',
  'Fischer',
  'García',
  'Haddad',
  'Ivanova',
  'Jensen',
  'Kowalski',
  'López',
  'Murphy',
  'Nakamura',
  'O’Brien',
  'Petrov',
  'Quinn',
  'Rossi',
  'Schmidt',
  'Takahashi',
  'Underwood',
  'Virtanen',
  'Walker',
  'Xu',
  'Young',
  'Zhang',
  "D'Angelo",
  'Müller',
  'Novák',
];
const AREA_CODES = [
  '202',
  '206',
  '212',
  '213',
  '214',
  '216',
  '303',
  '305',
  '312',
  '313',
  '404',
  '408',
  '412',
  '415',
  '503',
  '504',
  '512',
  '602',
  '612',
  '615',
  '617',
  '702',
  '713',
  '801',
  '816',
  '919',
];
const TIERS = ['bronze', 'silver', 'gold', 'platinum'] as const;
const FIRST_REF = 100_001;

/** @returns a source of people: the n-th is always the same, and no two share a phone, an address or a reference */
export function createPeople(): { next: () => Person } {
  let number = 0;
  return {
    next: () => {
      const person = personOf(number);
      number += 1;
      return person;
    },
  };
}

function personOf(number: number): Person {
  // Different strides through the lists, so that neighbours do not look alike.
  const firstName = pick(FIRST_NAMES, number * 7);
  const lastName = pick(LAST_NAMES, number * 11 + Math.floor(number / FIRST_NAMES.length));
  const line = String(100 + (Math.floor(number / AREA_CODES.length) % 100)).padStart(4, '0');
  const value = ((number * 7919) % 600_000) / 100;
  const tier = TIERS[Math.min(TIERS.length - 1, Math.floor(value / 1500))] ?? 'bronze';
  const birthday = new Date(Date.UTC(1950 + (number % 55), (number * 5) % 12, 1 + ((number * 13) % 28)));
  return {
    firstName,
    lastName,
    phone: `+1${pick(AREA_CODES, number)}555${line}`,
    email: `${ascii(firstName)}.${ascii(lastName)}.${number + 1}@example.com`,
    externalRefId: `CRM-${FIRST_REF + number}`,
    tier,
    lifetimeValue: value,
    loyaltyPoints: (number * 37) % 5000,
    birthday: birthday.toISOString().slice(0, 10),
    isVip: number % 13 === 0,
  };
}

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? '';
}

/** Lower-case letters without accents, as they stand in an address. */
function ascii(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
}
