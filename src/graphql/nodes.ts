/**
 * Relay's Node: the interface, the `node` and `nodes` queries, and the registry in which each slice says how its
 * types are found by their ids.
 */
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';
import { ValidationError } from '../errors.ts';
import type { GraphQLContext } from './context.ts';
import { parseGlobalId } from './global-ids.ts';
import type { ExtendedSchemaTypes, SchemaBuilder } from './schema-types.ts';

/** Most ids in one `nodes` query: a page's worth (cxone-api.md, section 1: 250 entities a page). */
export const MAX_NODE_IDS = 250;

export type NodeInterface = PothosSchemaTypes.InterfaceRef<ExtendedSchemaTypes, object>;

type Parts<Count extends 1 | 2> = Count extends 2 ? [string, string] : [string];

export interface NodeType<Shape extends object, Count extends 1 | 2> {
  /** How many of CXone's ids name one: 2 for a contact, which lives in an address book. */
  readonly partCount: Count;
  /** The thing with these ids, null where there is none. */
  resolve(parts: Parts<Count>, context: GraphQLContext): Promise<Shape | null>;
  /** All that the ids alone tell of it. */
  readonly placeholder?: (parts: Parts<Count>) => Shape;
}

type NodeLookup = (parts: string[], context: GraphQLContext) => Promise<object | null>;

export interface NodeRegistry {
  register<Shape extends object, Count extends 1 | 2>(
    ref: PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Shape>,
    type: NodeType<Shape, Count>,
  ): void;
  /**
   * The node with this global id, ready to be returned from a field of type Node; null where there is none.
   * @throws ValidationError (INVALID_ID) at `path`
   */
  find(id: string, context: GraphQLContext, path?: readonly string[]): Promise<object | null>;
  /**
   * The same for a field that is never null: where there is no such thing any more, or nothing but its id is asked for,
   * what stands for it is made of the id alone.
   *
   * @throws ValidationError (INVALID_ID); Error for a type without a placeholder
   */
  refer(id: string, context: GraphQLContext, info: GraphQLResolveInfo): Promise<object>;
  /** Says which type a thing is, so that it can be returned from a field of type Node without being looked up. */
  as<Shape extends object>(ref: PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Shape>, value: Shape): Shape;
}

/** Adds the interface and its two queries. */
export function addNodes(builder: SchemaBuilder): { nodeInterface: NodeInterface; nodes: NodeRegistry } {
  const types = new Map<
    string,
    { partCount: number; resolve: NodeLookup; placeholder: ((parts: string[]) => object) | undefined }
  >();
  // A value does not say its type, so it is noted beside it. Values are shared through caches: they stay untouched.
  const typeNames = new WeakMap<object, string>();

  const nodes: NodeRegistry = {
    register<Shape extends object, Count extends 1 | 2>(
      ref: PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Shape>,
      { partCount, resolve, placeholder }: NodeType<Shape, Count>,
    ) {
      types.set(ref.name, {
        partCount,
        // `find` has compared the count, which the tuple type states.
        resolve: (parts, context) => resolve(parts as Parts<Count>, context),
        placeholder: placeholder && ((parts) => placeholder(parts as Parts<Count>)),
      });
    },
    async refer(id, context, info) {
      const found = asksForIdAlone(info) ? null : await nodes.find(id, context);
      if (found) return found;
      const { type, parts } = parseGlobalId(id, ['id']);
      const value = types.get(type)?.placeholder?.(parts);
      if (!value) throw new Error(`nothing stands for a missing ${type}`);
      typeNames.set(value, type);
      return value;
    },
    as(ref, value) {
      typeNames.set(value, ref.name);
      return value;
    },
    async find(id, context, path = ['id']) {
      const parsed = parseGlobalId(id, path);
      const type = types.get(parsed.type);
      if (type?.partCount !== parsed.parts.length) {
        throw new ValidationError([{ path: [...path], code: 'INVALID_ID', message: 'No type has ids of this form.' }]);
      }
      const value = await type.resolve(parsed.parts, context);
      if (value) typeNames.set(value, parsed.type);
      return value;
    },
  };

  const nodeInterface = builder.interfaceRef<object>('Node').implement({
    description: 'Anything with a global id, to be had by `node` again.',
    resolveType: (value) => typeNames.get(value),
    fields: (t) => ({
      id: t.id({ description: 'The global id: `gid://cxone/Type/id`, built from CXone’s own ids.' }),
    }),
  });

  builder.queryFields((t) => ({
    node: t.field({
      type: nodeInterface,
      nullable: true,
      description: 'The thing with this global id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'A global id.' }) },
      resolve: (_root, { id }, context) => nodes.find(id, context),
    }),
    nodes: t.field({
      type: [nodeInterface],
      nullable: { list: false, items: true },
      description: `The things with these global ids, in their order; at most ${MAX_NODE_IDS}. Null stands where there is none.`,
      args: { ids: t.arg.idList({ required: true, description: 'Global ids.' }) },
      complexity: ({ ids }) => ({ field: 1, multiplier: Math.min(ids.length, MAX_NODE_IDS) }),
      resolve: (_root, { ids }, context) => {
        if (ids.length > MAX_NODE_IDS) {
          const message = `At most ${MAX_NODE_IDS} ids can be asked for at once.`;
          throw new ValidationError([{ path: ['ids'], code: 'TOO_MANY', message }]);
        }
        return ids.map((id, index) => nodes.find(id, context, ['ids', String(index)]));
      },
    }),
  }));

  return { nodeInterface, nodes };
}

/** Whether no more is selected of a field than what its id tells. */
function asksForIdAlone({ fieldNodes, fragments }: GraphQLResolveInfo): boolean {
  const isIdAlone = (selectionSet: SelectionSetNode | undefined): boolean =>
    (selectionSet?.selections ?? []).every((selection) => {
      if (selection.kind === Kind.FIELD) return selection.name.value === 'id' || selection.name.value === '__typename';
      if (selection.kind === Kind.INLINE_FRAGMENT) return isIdAlone(selection.selectionSet);
      return isIdAlone(fragments[selection.name.value]?.selectionSet);
    });
  return fieldNodes.every(({ selectionSet }) => isIdAlone(selectionSet));
}
