/** An answer that refuses a request, thrown from wherever it is found out. */

export interface RefusalIssue {
  /** Where in the body or the query, such as `[3].phone` or `records[0].consentTimestamp`. */
  path?: string;
  message: string;
}

export interface RefusalDetails {
  issues?: readonly RefusalIssue[];
  headers?: Record<string, string>;
  /** Joins the error body, for the answers that carry more than an error (the duplicates of section 3). */
  body?: Record<string, unknown>;
  /** The rule of the contract that the request broke, where it broke one. */
  violation?: string;
}

/** Becomes the error body `{code, message, errors}` (cxone-api.md, section 1, A). */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: RefusalDetails;

  constructor(status: number, code: string, message: string, details: RefusalDetails = {}) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** 404 for a thing that is not there. */
export function notFound(what: string, id: string): Refusal {
  return new Refusal(404, 'NotFound', `There is no ${what} ${JSON.stringify(id)}.`);
}

/** 400 that lists everything that was wrong, and counts as a broken rule. */
export function invalid(issues: readonly RefusalIssue[], violation: string): Refusal {
  const first = issues[0];
  const message = first ? [first.path, first.message].filter(Boolean).join(': ') : 'The request is invalid.';
  return new Refusal(400, 'ValidationError', message, { issues, violation });
}
