/** The operations of the gateway's own clients, by hash: it knows them always, also where it runs no others. */
import * as generated from './generated/graphql.ts';

/** Hash (`sha256:…`) → text, exactly as these clients send it. */
export function ownOperations(): Record<string, string> {
  const documents = Object.values(generated).filter((value) => value instanceof generated.TypedDocumentString);
  const hashed = documents.map((document) => [document.__meta__?.hash, String(document)] as const);
  // Fragments are documents too, but have no hash: nobody sends one alone.
  return Object.fromEntries(hashed.filter(([hash]) => typeof hash === 'string'));
}
