/**
 * Executes a planned operation: ExecuteRequest of the GraphQL specification, with the results and errors that
 * graphql-js has. What is there at once is completed at once: only resolvers that wait cost a promise.
 */
import {
  type ExecutionResult,
  type GraphQLError,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  isObjectType,
  locatedError,
} from 'graphql';
import type { FieldPlan, OperationPlan, SelectionPlan, Shape, Variables } from './operation-plan.ts';

export interface ExecutionInput {
  readonly contextValue: unknown;
  readonly variableValues?: Readonly<Record<string, unknown>> | undefined;
  readonly rootValue?: unknown;
}

type Path = GraphQLResolveInfo['path'];
type Data = Record<string, unknown>;

interface Execution {
  readonly plan: OperationPlan;
  readonly variables: Variables;
  readonly contextValue: unknown;
  readonly rootValue: unknown;
  readonly errors: GraphQLError[];
  /** Where null took the place of something: what fails below is not told. */
  readonly nulled: Set<Path>;
}

/** The operation's result; a promise where any resolver took its time. Never throws, never rejects. */
export function executeOperation(
  plan: OperationPlan,
  { contextValue, variableValues = {}, rootValue }: ExecutionInput,
): ExecutionResult | Promise<ExecutionResult> {
  const read = plan.variablesOf(variableValues);
  if (read.errors) return { errors: read.errors };
  const { variableValues: variables } = read;
  const execution: Execution = { plan, variables, contextValue, rootValue, errors: [], nulled: new Set() };
  const failed = (error: unknown): ExecutionResult => {
    // Only what was located on its way up gets here.
    execution.errors.push(error as GraphQLError);
    return respond(null, execution);
  };
  try {
    const selection = plan.rootSelection(variables);
    const isMutation = plan.operation.operation === 'mutation';
    const data = isMutation
      ? executeSerially(selection, rootValue, execution)
      : executeFields(selection, rootValue, undefined, execution);
    if (!(data instanceof Promise)) return respond(data, execution);
    return data.then((value) => respond(value, execution), failed);
  } catch (error) {
    return failed(error);
  }
}

function respond(data: Data | null, { errors }: Execution): ExecutionResult {
  // A copy: what is still under way below a null must not add to it.
  return errors.length > 0 ? { errors: [...errors], data } : { data };
}

function executeFields(
  { fields, hasProto }: SelectionPlan,
  source: unknown,
  path: Path | undefined,
  execution: Execution,
): Data | Promise<Data> {
  const data: Data = hasProto ? Object.create(null) : {};
  let pending: Promise<void>[] | undefined;
  try {
    for (const field of fields) {
      const value = executeField(field, source, path, execution);
      data[field.responseName] = value;
      if (value instanceof Promise) {
        pending ??= [];
        pending.push(
          value.then((settled) => {
            data[field.responseName] = settled;
          }),
        );
      }
    }
  } catch (error) {
    // The siblings go on; nobody is left to hear of their failures.
    for (const sibling of pending ?? []) sibling.catch(() => undefined);
    throw error;
  }
  return pending ? Promise.all(pending).then(() => data) : data;
}

async function executeSerially(
  { fields, hasProto }: SelectionPlan,
  source: unknown,
  execution: Execution,
): Promise<Data> {
  const data: Data = hasProto ? Object.create(null) : {};
  for (const field of fields) data[field.responseName] = await executeField(field, source, undefined, execution);
  return data;
}

/** The field's part of the answer. Throws, or rejects, where it fails and may not be null. */
function executeField(field: FieldPlan, source: unknown, parent: Path | undefined, execution: Execution): unknown {
  const { shape } = field;
  // A leaf needs a path only when it fails.
  const path = shape.kind === 'leaf' && !field.takesInfo ? undefined : pathOf(field, parent);
  try {
    // Both are there where the resolver looks at them.
    const info = (field.takesInfo ? infoOf(field, path as Path, execution) : undefined) as GraphQLResolveInfo;
    const given = field.constant ?? field.argumentsOf(execution.variables);
    const result: unknown = field.resolve(source, given, execution.contextValue, info);
    if (shape.kind === 'leaf' && typeof result !== 'object') return completeLeaf(shape, result, field);
    if (isThenable(result)) return completeLater(field, result, path ?? pathOf(field, parent), execution);
    if (shape.kind === 'leaf') return completeLeaf(shape, result, field);
    const completed = complete(shape, result, field, path as Path, execution); // Not a leaf: it has a path.
    return completed instanceof Promise ? orNull(completed, shape, field, path as Path, execution) : completed;
  } catch (error) {
    return giveUp(error, shape, field, path ?? pathOf(field, parent), execution);
  }
}

function completeLater(
  field: FieldPlan,
  result: PromiseLike<unknown>,
  path: Path,
  execution: Execution,
): Promise<unknown> {
  const { shape } = field;
  const completed = Promise.resolve(result).then((value) => complete(shape, value, field, path, execution));
  return orNull(completed, shape, field, path, execution);
}

function orNull(completed: Promise<unknown>, shape: Shape, field: FieldPlan, path: Path, execution: Execution) {
  return completed.catch((error: unknown) => giveUp(error, shape, field, path, execution));
}

function complete(shape: Shape, value: unknown, field: FieldPlan, path: Path, execution: Execution): unknown {
  if (shape.kind === 'leaf') return completeLeaf(shape, value, field);
  if (value === null || value === undefined) return completeNull(shape, field);
  if (value instanceof Error) throw value;
  if (shape.kind === 'list') return completeList(shape.item, value, field, path, execution);
  if (shape.kind === 'object') return completeObject(shape.type, value, field, path, execution);

  const { type } = shape;
  const { schema } = execution.plan;
  const info = infoOf(field, path, execution);
  const name = type.resolveType ? type.resolveType(value, execution.contextValue, info, type) : typeNameIn(value);
  if (!isThenable(name)) {
    return completeObject(concreteType(name, type, schema), value, field, path, execution);
  }
  return Promise.resolve(name).then((settled) =>
    completeObject(concreteType(settled, type, schema), value, field, path, execution),
  );
}

function completeNull({ nonNull }: Shape, { parentType, definition }: FieldPlan): null {
  if (nonNull) throw new Error(`Cannot return null for non-nullable field ${parentType.name}.${definition.name}.`);
  return null;
}

function completeLeaf(shape: Extract<Shape, { kind: 'leaf' }>, value: unknown, field: FieldPlan): unknown {
  if (value === null || value === undefined) return completeNull(shape, field);
  if (value instanceof Error) throw value;
  const told = shape.type.coerceOutputValue(value);
  if (told === null || told === undefined) {
    throw new Error(
      `${shape.type.name} has no output for a value of ${field.parentType.name}.${field.definition.name}.`,
    );
  }
  return told;
}

function completeList(item: Shape, value: unknown, field: FieldPlan, path: Path, execution: Execution): unknown {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
    const name = `${field.parentType.name}.${field.definition.name}`;
    throw new Error(`Expected Iterable, but did not find one for field "${name}".`);
  }
  const items: unknown[] = [];
  let pending: Promise<void>[] | undefined;
  try {
    // What has an iterator is iterated, whatever else it is.
    for (const one of value as Iterable<unknown>) {
      const index = items.length;
      const completed = completeItem(item, one, field, { prev: path, key: index, typename: undefined }, execution);
      items.push(completed);
      if (completed instanceof Promise) {
        pending ??= [];
        pending.push(
          completed.then((settled) => {
            items[index] = settled;
          }),
        );
      }
    }
  } catch (error) {
    for (const sibling of pending ?? []) sibling.catch(() => undefined);
    // What stands behind it was not looked at yet.
    if (Array.isArray(value)) for (const one of value) if (isThenable(one)) one.then(undefined, () => undefined);
    throw error;
  }
  return pending ? Promise.all(pending).then(() => items) : items;
}

function completeItem(shape: Shape, value: unknown, field: FieldPlan, path: Path, execution: Execution): unknown {
  try {
    const completed = isThenable(value)
      ? Promise.resolve(value).then((settled) => complete(shape, settled, field, path, execution))
      : complete(shape, value, field, path, execution);
    return completed instanceof Promise ? orNull(completed, shape, field, path, execution) : completed;
  } catch (error) {
    return giveUp(error, shape, field, path, execution);
  }
}

function completeObject(
  type: GraphQLObjectType,
  value: unknown,
  field: FieldPlan,
  path: Path,
  execution: Execution,
): unknown {
  if (!type.isTypeOf) return executeFields(field.selectionOf(type), value, path, execution);
  const check = (isOfType: boolean) => {
    if (!isOfType) throw new Error(`Expected value of type "${type.name}" but got another.`);
    return executeFields(field.selectionOf(type), value, path, execution);
  };
  const isOfType = type.isTypeOf(value, execution.contextValue, infoOf(field, path, execution));
  return isThenable(isOfType) ? Promise.resolve(isOfType).then(check) : check(isOfType);
}

function concreteType(
  name: unknown,
  abstract: Extract<Shape, { kind: 'abstract' }>['type'],
  schema: OperationPlan['schema'],
): GraphQLObjectType {
  const type = typeof name === 'string' ? schema.getType(name) : undefined;
  if (isObjectType(type) && schema.isSubType(abstract, type)) return type;
  throw new Error(`Abstract type "${abstract.name}" must resolve to one of its object types at runtime.`);
}

/** What a union's member says of itself where the union has no resolver. */
function typeNameIn(value: unknown): unknown {
  return typeof value === 'object' && value !== null && '__typename' in value ? value.__typename : undefined;
}

/** Null takes the place of what failed, or of what it is a part of where it may not be null. */
function giveUp(error: unknown, { nonNull }: Shape, field: FieldPlan, path: Path, execution: Execution): null {
  const located = locatedError(error, [...field.nodes], keysOf(path));
  if (nonNull) throw located;
  if (!isBelowNull(path, execution.nulled)) {
    execution.nulled.add(path);
    execution.errors.push(located);
  }
  return null;
}

function isBelowNull(path: Path, nulled: ReadonlySet<Path>): boolean {
  if (nulled.size === 0) return false;
  for (let at: Path | undefined = path; at; at = at.prev) if (nulled.has(at)) return true;
  return false;
}

function pathOf({ responseName, parentType }: FieldPlan, prev: Path | undefined): Path {
  return { prev, key: responseName, typename: parentType.name };
}

function keysOf(path: Path): (string | number)[] {
  const keys: (string | number)[] = [];
  for (let at: Path | undefined = path; at; at = at.prev) keys.push(at.key);
  return keys.reverse();
}

function infoOf(field: FieldPlan, path: Path, { plan, variables, rootValue }: Execution): GraphQLResolveInfo {
  const { definition, nodes, parentType } = field;
  return {
    fieldName: definition.name,
    fieldNodes: nodes,
    returnType: definition.type,
    parentType,
    path,
    schema: plan.schema,
    fragments: plan.fragments,
    rootValue,
    operation: plan.operation,
    variableValues: variables,
    // The context's own signal ends what an operation waits for.
    getAbortSignal: () => undefined,
    getAsyncHelpers: () => ({ promiseAll: (values) => Promise.all(values), track: () => undefined }),
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
