/** Relay connections in the contract's shape: `edges`, `nodes`, `pageInfo`, forward only. */
import type { ArgBuilder } from '@pothos/core';
import { ValidationError } from '../errors.ts';
import type { Builder } from './builder.ts';
import type { CursorCodec } from './cursors.ts';
import type { ExtendedSchemaTypes, SchemaBuilder } from './schema-types.ts';

/** cxone-api.md, section 1: at most 250 entities a page. */
export const MAX_PAGE_SIZE = 250;
export const DEFAULT_PAGE_SIZE = 50;

/** A page costs a call to CXone or a query of the store, whatever its size; fields cost 1. */
const PAGE_COST = 10;

export interface PageInfo {
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor: string | null;
  endCursor: string | null;
}

interface Edge<Node> {
  /** Made when it is asked for: who takes `nodes` alone needs none. */
  cursor(): string;
  node: Node;
}

export interface Connection<Node> {
  edges: Edge<Node>[];
  pageInfo: PageInfo;
}

export interface PageRequest<Position> {
  /** How many at most: 1 to MAX_PAGE_SIZE. */
  first: number;
  /** The position of the last item that the client has; undefined at the start. */
  after: Position | undefined;
}

type ObjectRef<Shape> = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Shape>;

/** Adds PageInfo. */
export function addPageInfo(builder: SchemaBuilder): ObjectRef<PageInfo> {
  return builder.objectRef<PageInfo>('PageInfo').implement({
    description: 'Where a page stands in its list.',
    fields: (t) => ({
      hasNextPage: t.exposeBoolean('hasNextPage', { description: 'Whether more follow.' }),
      hasPreviousPage: t.exposeBoolean('hasPreviousPage', { description: 'Whether there are some before.' }),
      startCursor: t.exposeString('startCursor', {
        nullable: true,
        description: 'The cursor of the first item; null where there is none.',
      }),
      endCursor: t.exposeString('endCursor', {
        nullable: true,
        description: 'The cursor of the last item: `after` for the next page. Null where there is none.',
      }),
    }),
  });
}

/** Declares `XConnection` and `XEdge` for the object type X. `things` names them in descriptions, as in "contacts". */
export function addConnection<Node extends object>(
  builder: Builder,
  node: ObjectRef<Node>,
  things: string,
): ObjectRef<Connection<Node>> {
  const edge = builder.objectRef<Edge<Node>>(`${node.name}Edge`).implement({
    description: `One of a page of ${things}.`,
    fields: (t) => ({
      cursor: t.string({
        description: 'Where it stands in the list: `after` to go on behind it.',
        resolve: ({ cursor }) => cursor(),
      }),
      node: t.field({
        type: node,
        description: 'The thing itself.',
        // Pothos asks whether the shape is a list, which a type parameter leaves open; an object type's never is.
        resolve: (parent) => parent.node as never,
      }),
    }),
  });
  return builder.objectRef<Connection<Node>>(`${node.name}Connection`).implement({
    description: `A page of ${things}.`,
    fields: (t) => ({
      // The page's size is counted where the page is asked for, not again for each of these lists.
      edges: t.field({
        type: [edge],
        description: 'The things with their cursors.',
        complexity: { field: 1, multiplier: 1 },
        resolve: (parent) => parent.edges,
      }),
      nodes: t.field({
        type: [node],
        description: 'The things alone.',
        complexity: { field: 1, multiplier: 1 },
        resolve: (parent) => parent.edges.map((item) => item.node),
      }),
      pageInfo: t.expose('pageInfo', { type: builder.pageInfo, description: 'Whether more follow, and from where.' }),
    }),
  });
}

/** The arguments of a connection field, to be spread into its `args`. */
export function connectionArgs(arg: ArgBuilder<ExtendedSchemaTypes>) {
  return {
    first: arg.int({ description: `How many at most: 1 to ${MAX_PAGE_SIZE}. Without it, ${DEFAULT_PAGE_SIZE}.` }),
    after: arg.string({ description: 'The cursor of the item to begin behind. Without it, from the start.' }),
  };
}

/** The cost of a connection field, for its `complexity`: what is selected below it counts once for each item asked for. */
export function connectionCost(args: { first?: number | null | undefined }): { field: number; multiplier: number } {
  const first = args.first ?? DEFAULT_PAGE_SIZE;
  return { field: PAGE_COST, multiplier: Math.min(Math.max(first, 1), MAX_PAGE_SIZE) };
}

/**
 * The page that a connection field's arguments ask for.
 * @throws ValidationError for a size out of bounds or a cursor that is not of this list
 */
export function readPageRequest<Position>(
  args: { first?: number | null | undefined; after?: string | null | undefined },
  cursors: CursorCodec<Position>,
): PageRequest<Position> {
  const first = args.first ?? DEFAULT_PAGE_SIZE;
  if (first < 1 || first > MAX_PAGE_SIZE) {
    const message = `Expected 1 to ${MAX_PAGE_SIZE}.`;
    throw new ValidationError([{ path: ['first'], code: 'OUT_OF_RANGE', message }]);
  }
  const after = args.after ?? undefined;
  return { first, after: after === undefined ? undefined : cursors.decode(after) };
}

/** The answer of a connection field. `positionOf` says where an item stands, in the terms of the list's cursors. */
export function toConnection<Node, Position>(
  nodes: readonly Node[],
  cursors: CursorCodec<Position>,
  positionOf: (node: Node, index: number) => Position,
  neighbours: { hasNextPage: boolean; hasPreviousPage: boolean },
): Connection<Node> {
  const edges = nodes.map((node, index) => ({ cursor: () => cursors.encode(positionOf(node, index)), node }));
  return {
    edges,
    pageInfo: { ...neighbours, startCursor: edges.at(0)?.cursor() ?? null, endCursor: edges.at(-1)?.cursor() ?? null },
  };
}
