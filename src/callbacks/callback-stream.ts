/** The outbox stream of one import's messages to one destination: what is delivered in order. */

const FORM = /^callback:([^:]+):[0-9a-f]+$/;

/** @param urlDigest of the destination, in hexadecimal: its URL may hold a secret */
export function callbackStream(importId: string, urlDigest: string): string {
  return `callback:${importId}:${urlDigest}`;
}

/** The import a stream tells of; undefined where it is none of `callbackStream`. */
export function importOfStream(stream: string): string | undefined {
  return FORM.exec(stream)?.[1];
}
