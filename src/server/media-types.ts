/** Which of GraphQL's media types a client wants (GraphQL over HTTP, "Legacy watershed" included). */

export const GRAPHQL_RESPONSE = 'application/graphql-response+json';
export const JSON_RESPONSE = 'application/json';

export type Answer = typeof GRAPHQL_RESPONSE | typeof JSON_RESPONSE | 'stream';

/**
 * The form of answer to an `Accept` header: the first of its entries that we can give; JSON where there is none.
 * Undefined where there is nothing of it that we can give.
 */
export function negotiateAnswer(accept: string | undefined): Answer | undefined {
  for (const entry of (accept ?? '*/*').toLowerCase().split(',')) {
    const [mediaType = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const charset = parameters.find((parameter) => parameter.startsWith('charset='));
    if (charset !== undefined && !isUtf8(charset)) continue;
    if (mediaType === GRAPHQL_RESPONSE) return GRAPHQL_RESPONSE;
    if (mediaType === JSON_RESPONSE || mediaType === 'application/*' || mediaType === '*/*') return JSON_RESPONSE;
    if (mediaType === 'text/event-stream' || mediaType === 'multipart/mixed') return 'stream';
  }
  return undefined;
}

/** Whether an `Accept` header takes SSE, whatever else it takes: of what there is for a subscription, that is all. */
export function acceptsEventStream(accept: string | undefined): boolean {
  return (accept ?? '*/*')
    .toLowerCase()
    .split(',')
    .some((entry) => /^\s*(?:text\/event-stream|text\/\*|\*\/\*)\s*(?:;|$)/.test(entry));
}

/** Whether a `Content-Type` header says JSON in UTF-8: the one form of body there is, and one that no web form can send. */
export function isJsonBody(contentType: string | undefined): boolean {
  const [mediaType, ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  return (
    mediaType === JSON_RESPONSE &&
    parameters.every((parameter) => !parameter.startsWith('charset=') || isUtf8(parameter))
  );
}

function isUtf8(charset: string): boolean {
  return /^charset="?utf-?8"?$/.test(charset);
}
