/**
 * Strict Unicode for the inputs of mutations, whatever their types: half of a surrogate pair is no text, and what would
 * become of it on its way to CXone nobody knows.
 */
import { type Issue, ValidationError } from '../errors.ts';

/** Issues told of at once. */
const MAX_ISSUES = 20;

/** @throws ValidationError (BAD_TEXT) with the path of every such text, and of every such key */
export function requireStrictText(input: unknown): void {
  const issues: Issue[] = [];
  collect(input, [], issues);
  if (issues.length > 0) throw new ValidationError(issues);
}

/** The depth is bounded: that of inputs by the schema, that of the JSON in them by its scalar. */
function collect(value: unknown, path: readonly string[], issues: Issue[]): void {
  if (issues.length >= MAX_ISSUES) return;
  if (typeof value === 'string') {
    if (!value.isWellFormed()) issues.push(halfPair(path));
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (!key.isWellFormed()) issues.push(halfPair([...path, key]));
      collect(item, [...path, key], issues);
    }
  }
}

function halfPair(path: readonly string[]): Issue {
  return { path: [...path], code: 'BAD_TEXT', message: 'This contains half of a surrogate pair. Remove it.' };
}
