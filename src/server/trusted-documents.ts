/**
 * Operations that are known by the hash of their text: clients send the hash alone, and where only these are allowed,
 * nothing else is run. The manifest is codegen's `persisted-documents.json`: hash → text.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { GatewayError } from '../errors.ts';

/** What a request says of its operation. */
export interface DocumentRequest {
  readonly query: string | undefined;
  /** `documentId` (GraphQL over HTTP), or `extensions.persistedQuery.sha256Hash`. */
  readonly documentId: string | undefined;
}

export interface TrustedDocuments {
  /**
   * The text to run.
   * @throws GatewayError NOT_FOUND for a hash that is not known, FORBIDDEN for a text that is not where only known ones
   *   are allowed, BAD_USER_INPUT for neither, or for a text that has another hash than it says
   */
  textOf(request: DocumentRequest): string;
}

/** @param documents hash (`sha256:` in front or not) → text. `only`: no other text is run. */
export function createTrustedDocuments(
  documents: Readonly<Record<string, string>>,
  { only }: { only: boolean },
): TrustedDocuments {
  const texts = new Map(Object.entries(documents).map(([hash, text]) => [bareHash(hash), text]));
  const known = new Set(texts.values());
  return {
    textOf({ query, documentId }) {
      if (query === undefined) {
        if (documentId === undefined) throw new GatewayError('BAD_USER_INPUT', '"query" must be given, as a string.');
        const text = texts.get(bareHash(documentId));
        // The words that clients of this kind look for.
        if (text === undefined) throw new GatewayError('NOT_FOUND', 'PersistedQueryNotFound');
        return text;
      }
      if (only && !known.has(query))
        throw new GatewayError(
          'FORBIDDEN',
          'Only operations that are registered with the gateway can be run. Its operator adds them (GATEWAY_PERSISTED_OPERATIONS).',
        );
      if (
        documentId !== undefined &&
        texts.get(bareHash(documentId)) !== query &&
        hashOf(query) !== bareHash(documentId)
      )
        throw new GatewayError(
          'BAD_USER_INPUT',
          'The hash is not that of the operation it came with. Send only one of the two.',
        );
      return query;
    },
  };
}

const manifest = z.record(z.string().regex(/^(?:[\w-]+:)?[0-9a-f]{40,128}$/i), z.string().min(1));

/** Reads a manifest. @throws Error that says what is wrong with it */
export function parseManifest(json: string): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error('it is not JSON');
  }
  const read = manifest.safeParse(value);
  if (!read.success) throw new Error('it is not an object of hashes and texts');
  return read.data;
}

function bareHash(hash: string): string {
  return hash.slice(hash.indexOf(':') + 1).toLowerCase();
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
