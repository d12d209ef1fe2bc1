/** Checks contacts against the fields of their book, which are looked up afresh before one is refused because of them. */
import type { AddressBooks } from '../address-books/service.ts';
import type { CallContext } from '../cxone/call-context.ts';
import { ValidationError } from '../errors.ts';
import { createPhoneNormaliser, type PhoneNormaliser } from '../phone-numbers.ts';
import type { ContactPatch } from './merge.ts';
import { type ContactInput, checkContact, concernsDefinitions } from './validate.ts';

interface CheckOptions {
  /** Where the contact stands in the input. */
  readonly path: readonly string[];
  readonly castText?: boolean | undefined;
  readonly defaultCountry?: string | undefined;
}

/** The contact as it is sent. @throws ValidationError with every fault; NotFoundError no such book */
export type ContactCheck = (
  bookId: string,
  input: ContactInput,
  options: CheckOptions,
  call: CallContext,
) => Promise<ContactPatch>;

export function createContactCheck({ books }: { books: AddressBooks }): ContactCheck {
  /** One for each country that files name, at most some 250, and one for none. */
  const normalisers = new Map<string | undefined, PhoneNormaliser>();

  function normaliserFor(country: string | undefined): PhoneNormaliser {
    const known = normalisers.get(country) ?? createPhoneNormaliser(country);
    normalisers.set(country, known);
    return known;
  }

  return async (bookId, input, options, call) => {
    const phones = normaliserFor(options.defaultCountry);
    const needsFields = Object.keys(input.customAttributes ?? {}).length > 0;
    const checkBy = async (refresh: boolean) => {
      const definitions = needsFields ? await books.fieldDefinitions(bookId, call, { refresh }) : undefined;
      return checkContact(input, { ...options, definitions, phones });
    };
    let checked = await checkBy(false);
    if (concernsDefinitions(checked.issues)) checked = await checkBy(true);
    if (checked.issues.length > 0) throw new ValidationError(checked.issues);
    return checked.patch;
  };
}
