/**
 * Documents as they were parsed and validated, and their operations as they were planned: once for a text, as long as it
 * is asked for. Both are bounded in bytes, by what they are estimated to take.
 */
import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { LRUCache } from 'lru-cache';
import type { GraphQLContext } from '../graphql/context.ts';
import { type OperationPlan, planOperation } from '../graphql/execution/operation-plan.ts';
import { isCostFixed, type OperationCost, weighOperation } from '../graphql/operation-cost.ts';
import { type DocumentLimits, parseWithin } from './document-limits.ts';

export interface DocumentCache {
  /**
   * The document of a text, with what is wrong with it.
   * @throws GraphQLError where it is not GraphQL; GatewayError LIMIT_EXCEEDED where it is too long or too deep
   */
  read(text: string): KnownDocument;
  /** @throws as weighOperation */
  costOf(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Record<string, unknown>,
    context: GraphQLContext,
  ): OperationCost;
  /** @param fields how many the operation selects, its fragments written out */
  planOf(document: DocumentNode, operation: OperationDefinitionNode, fields: number): OperationPlan;
}

export interface KnownDocument {
  readonly document: DocumentNode;
  /** What validation says; nothing where it may be executed. */
  readonly faults: readonly GraphQLError[];
}

const MAX_DOCUMENT_BYTES = 32 * 1024 * 1024;
/** A parsed document takes up to a hundred times its text. */
const BYTES_PER_CHARACTER = 100;
const LARGEST_CACHED_TEXT = 32 * 1024;

const MAX_PLAN_BYTES = 32 * 1024 * 1024;
/** A planned field, with its share of the variants that @skip and @include make. */
const BYTES_PER_FIELD = 2_000;

export function createDocumentCache({
  schema,
  limits,
  extraRules,
}: {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits;
  readonly extraRules: readonly ValidationRule[];
}): DocumentCache {
  const rules = [...specifiedRules, ...extraRules];
  const documents = new LRUCache<string, KnownDocument>({
    maxSize: MAX_DOCUMENT_BYTES,
    maxEntrySize: LARGEST_CACHED_TEXT * BYTES_PER_CHARACTER,
    sizeCalculation: (_document, text) => text.length * BYTES_PER_CHARACTER,
  });
  /** Null where it hangs on the variables. */
  const fixedCosts = new WeakMap<OperationDefinitionNode, OperationCost | null>();
  const plans = new LRUCache<OperationDefinitionNode, OperationPlan>({ maxSize: MAX_PLAN_BYTES });

  return {
    read(text) {
      const known = documents.get(text);
      if (known) return known;
      const document = parseWithin(text, limits);
      const read = { document, faults: validate(schema, document, rules) };
      // An error holds its whole document: hostile ones are not worth keeping.
      if (read.faults.length === 0) documents.set(text, read);
      return read;
    },
    costOf(document, operation, variables, context) {
      const known = fixedCosts.get(operation);
      if (known) return known;
      const cost = weighOperation(schema, document, operation, variables, context);
      if (known === undefined) fixedCosts.set(operation, isCostFixed(schema, document) ? cost : null);
      return cost;
    },
    planOf(document, operation, fields) {
      const known = plans.get(operation);
      if (known) return known;
      const plan = planOperation(schema, document, operation);
      plans.set(operation, plan, { size: (fields + 1) * BYTES_PER_FIELD });
      return plan;
    },
  };
}
