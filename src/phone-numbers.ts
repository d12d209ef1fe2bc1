/** E.164 by libphonenumber-js, at the cost of a pattern for numbers that already have that form, or nearly. */
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js';

/** E.164: a plus, a country code that does not begin with 0, at most 15 digits. Shorter than 7 no country has. */
const E164 = /^\+[1-9]\d{6,14}$/;

/** E.164 written for people, as `+1 (201) 555-0100`: to the library, too, these characters are nothing. */
const SPACED = /^\+[1-9][\d ().-]{5,40}$/;
const SPACING = /[ ().-]/g;

export interface PhoneNormaliser {
  /** The number in E.164, or null where it is none: unknown country code, impossible length, not a number. */
  normalise(text: string): string | null;
  /** What to tell of a text that is none. */
  readonly refusal: string;
}

/** Whether it is an ISO 3166-1 alpha-2 code (upper case) that phone numbers can be read by. */
export function isCountry(code: string): boolean {
  return isSupportedCountry(code);
}

/**
 * Numbers without a country code are read as of `defaultCountry` (ISO 3166-1 alpha-2); without it they are refused.
 *
 * Parsing costs 4 to 13 µs a number, which would dominate an import. Whether a number that is already in E.164 form
 * is possible hangs on its country code and its length alone, so one answer serves all numbers that share the first
 * four digits and the length: at most 9 000 × 9 answers are ever remembered.
 */
export function createPhoneNormaliser(defaultCountry?: string): PhoneNormaliser {
  const possibleByPrefix = new Map<number, boolean>();
  // Checked by isCountry where options are accepted; the library types it as a union of literals.
  const reading = defaultCountry === undefined ? {} : { defaultCountry: defaultCountry as CountryCode };

  const parse = (text: string): string | null => {
    const number = parsePhoneNumberFromString(text, { ...reading, extract: false });
    return number?.isPossible() && !number.ext && E164.test(number.number) ? number.number : null;
  };

  const whole = 'a phone number with a country code (E.164), such as +14155550123';
  return {
    refusal:
      defaultCountry === undefined
        ? `This is not ${whole}.`
        : `This is neither a phone number of ${defaultCountry} nor ${whole}.`,
    normalise(text) {
      const plain = E164.test(text) ? text : withoutSpacing(text);
      if (plain === undefined) return text.length > 64 ? null : parse(text);
      // The first four digits and, in two more, the length.
      const prefix = Number(plain.slice(1, 5)) * 100 + plain.length;
      let possible = possibleByPrefix.get(prefix);
      if (possible === undefined) {
        possible = parse(plain) === plain;
        possibleByPrefix.set(prefix, possible);
      }
      return possible ? plain : parse(text);
    },
  };
}

/** The number where nothing but spacing keeps it from being E.164. */
function withoutSpacing(text: string): string | undefined {
  if (!SPACED.test(text)) return undefined;
  const plain = text.replaceAll(SPACING, '');
  return E164.test(plain) ? plain : undefined;
}
