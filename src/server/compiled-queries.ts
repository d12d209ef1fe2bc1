/**
 * Queries that come again and again, compiled to code of their own: executing them takes about half the time and less
 * memory. It is code that clients have a say in, so nothing of theirs gets into it but names and whole numbers: the
 * compiler writes a text of a document into the code as it stands, and one that looks like its own notation for dates
 * is run. Whatever is not compiled is executed as it stands, with the same answer.
 */
import {
  type ASTNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { CompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';

/** Executes an operation whose variables fit their types. */
export type Execute = (args: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>;

export interface QueryCompiler {
  /**
   * To be asked each time that an operation is executed: what does it, once it is compiled. Undefined until then, and for
   * what is never compiled.
   *
   * @param document valid, and the same object each time
   * @param fields how many the operation selects, fragments written out
   */
  compiled(document: DocumentNode, operation: OperationDefinitionNode, fields: number): Execute | undefined;
}

/** How often an operation is executed as it stands first. Compiling it takes as long as some ten times. */
const TIMES_BEFORE = 10;

/** Compiling takes 40 to 70 µs a field, in which nobody is served. */
const MAX_FIELDS = 2_000;

/** Of all that is compiled. A field with a resolver takes some 5 KB. */
const MAX_KEPT_FIELDS = 4_000;

export function createQueryCompiler({ schema }: { readonly schema: GraphQLSchema }): QueryCompiler {
  const times = new WeakMap<OperationDefinitionNode, number>();
  const kept = new LRUCache<OperationDefinitionNode, { readonly execute: Execute; readonly fields: number }>({
    maxSize: MAX_KEPT_FIELDS,
    sizeCalculation: ({ fields }) => fields,
    dispose: (_value, operation) => times.delete(operation),
  });
  let library: typeof import('graphql-jit') | undefined;

  function isDue(operation: OperationDefinitionNode): boolean {
    const before = times.get(operation) ?? 0;
    times.set(operation, before + 1);
    return before >= TIMES_BEFORE;
  }

  function compile(document: DocumentNode, operation: OperationDefinitionNode): Execute | undefined {
    if (!library || !isCompilable(document, schema)) return undefined;
    const compiled = library.compileQuery(schema, document, operation.name?.value);
    return library.isCompiledQuery(compiled) ? toExecute(compiled, document) : undefined;
  }

  return {
    compiled(document, operation, fields) {
      if (operation.operation !== 'query' || fields > MAX_FIELDS) return undefined;
      const known = kept.get(operation);
      if (known) return known.execute;
      if (!isDue(operation)) return undefined;
      if (!library) {
        // Not with the gateway: it would make its start longer by 50 ms, for queries that may never come.
        import('graphql-jit').then(
          (loaded) => {
            library = loaded;
          },
          () => undefined, // Out of file handles, perhaps: the next one that is due tries again.
        );
        return undefined;
      }
      const execute = compile(document, operation);
      if (execute) kept.set(operation, { execute, fields });
      else times.set(operation, Number.NEGATIVE_INFINITY); // It would come to nothing the next time as well.
      return execute;
    },
  };
}

/** The library's own names begin with an underscore. */
const PLAIN_NAME = /^[A-Za-z]\w*$/;

/** The library joins the names on a field's path with underscores: others would make two paths look alike. */
const PLAIN_RESPONSE_NAME = /^[A-Za-z][A-Za-z0-9]*$/;

/**
 * Whether all of the document is of a kind that is compiled. Beside texts, these are not: directives, of which the
 * library keeps notes in the document; and fields of several types, whose selection it writes out for each of them.
 */
function isCompilable(document: DocumentNode, schema: GraphQLSchema): boolean {
  const types = new TypeInfo(schema);
  const isPlain = (node: ASTNode): boolean => {
    switch (node.kind) {
      case Kind.STRING:
      case Kind.FLOAT:
      case Kind.LIST:
      case Kind.OBJECT:
      case Kind.DIRECTIVE:
        return false;
      case Kind.NAME:
        return node.value === '__typename' || PLAIN_NAME.test(node.value);
      case Kind.FIELD: {
        const { value } = node.alias ?? node.name;
        const isOfSeveralTypes = [types.getParentType(), getNamedType(types.getType())].some(isAbstractType);
        return !isOfSeveralTypes && (value === '__typename' || PLAIN_RESPONSE_NAME.test(value));
      }
      default:
        return true;
    }
  };
  let isAllPlain = true;
  const enter = (node: ASTNode) => {
    isAllPlain &&= isPlain(node);
  };
  visit(document, visitWithTypeInfo(types, { enter }));
  return isAllPlain;
}

function toExecute({ query }: CompiledQuery, document: DocumentNode): Execute {
  let places: Places | undefined;
  const finish = ({ errors, ...result }: ExecutionResult): ExecutionResult => {
    if (!errors) return result;
    places ??= placesOf(document);
    const known = places;
    return { errors: errors.map((error) => withNodes(error, known)), ...result };
  };
  return ({ rootValue, contextValue, variableValues }) => {
    const result = query(rootValue, contextValue, variableValues);
    return result instanceof Promise ? result.then(finish) : finish(result);
  };
}

/** What stands where in a document's text, by line and column: what errors are about. */
type Places = ReadonlyMap<string, ASTNode>;

/** Looked through once, whatever the number of errors: the text of one may be long, and so may the list of the other. */
function placesOf(document: DocumentNode): Places {
  const places = new Map<string, ASTNode>();
  const enter = (node: ASTNode) => {
    if (node.loc) places.set(placeKey(node.loc.startToken), node);
  };
  visit(document, { Field: enter, Variable: enter });
  return places;
}

function placeKey({ line, column }: { readonly line: number; readonly column: number }): string {
  return `${line}:${column}`;
}

/** The error as graphql makes it: compiled code knows where its fields stand in the text, but not the fields. */
function withNodes({ message, locations = [], path, originalError }: GraphQLError, places: Places): GraphQLError {
  const nodes = locations.flatMap((location) => places.get(placeKey(location)) ?? []);
  return new GraphQLError(message, { nodes, path, originalError });
}
