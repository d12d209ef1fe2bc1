/** The three scalars of the contract, all strict on the way in. */
import { GraphQLError } from 'graphql';
import { formatDateTime, parseDateTime } from './date-time.ts';
import { findJsonFault, isJsonObject } from './json-value.ts';
import type { SchemaBuilder } from './schema-types.ts';

function refuse(scalar: string, reason: string): GraphQLError {
  return new GraphQLError(`${scalar} ${reason}.`, { extensions: { code: 'BAD_USER_INPUT' } });
}

/**
 * Adds DateTime, JSONObject and JSON. A literal in the document and a variable are read by the same rules: graphql
 * turns the literal into a plain value first.
 */
export function addScalars(builder: SchemaBuilder): void {
  builder.scalarType('DateTime', {
    description: 'A point in time, ISO 8601 with an offset, such as `2026-11-21T14:00:00Z`. Answers are in UTC.',
    serialize: formatDateTime,
    parseValue: (value) => {
      const time = typeof value === 'string' ? parseDateTime(value) : undefined;
      if (time === undefined) throw refuse('DateTime', 'must be ISO 8601 with an offset, such as 2026-11-21T14:00:00Z');
      return time;
    },
  });

  builder.scalarType('JSONObject', {
    description:
      'A JSON object, at most 20 levels deep. The keys `__proto__`, `constructor` and `prototype` are refused.',
    serialize: (value) => value,
    parseValue: (value) => {
      if (!isJsonObject(value)) throw refuse('JSONObject', 'must be a JSON object');
      const fault = findJsonFault(value);
      if (fault) throw refuse('JSONObject', fault);
      return value;
    },
  });

  builder.scalarType('JSON', {
    description:
      'Any JSON value, at most 20 levels deep. The keys `__proto__`, `constructor` and `prototype` are refused.',
    serialize: (value) => value,
    parseValue: (value) => {
      const fault = findJsonFault(value);
      if (fault) throw refuse('JSON', fault);
      return value;
    },
  });
}
