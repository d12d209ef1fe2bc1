/**
 * The columns of a CSV as the tree of the object they become: compiled once for a header, walked once for a row.
 */

import { setOwn } from '../../own-property.ts';
import { type FieldPath, formatFieldPath } from './field-path.ts';
import { trimText } from './trim-text.ts';

/** A column's index; or a branch: `keys` are those of an object, `null` for a list, whose nodes are in order. */
type Node = number | { keys: Keys | null; nodes: Node[] };

interface Keys {
  names: string[];
  /** Whether some of them would reach what every object inherits, if they were assigned to. */
  areInherited: boolean;
}

export interface ColumnTree {
  /** The row's object: values trimmed, and nothing at all where a cell is empty. Lists close up over what is missing. */
  build(cells: readonly string[]): Record<string, unknown>;
}

interface Branch {
  isList: boolean;
  /** By key or index; a number is a column. */
  children: Map<string | number, Branch | number>;
}

export interface PlacedColumn {
  column: number;
  path: FieldPath;
}

export interface PlacementConflict {
  column: number;
  path: FieldPath;
  /** The column that is in the way. */
  other: number;
}

/** Every column gets a place of its own: `conflicts` are those that found it taken, or leading through another's value. */
export function createColumnTree(placed: readonly PlacedColumn[]): {
  tree: ColumnTree;
  conflicts: PlacementConflict[];
} {
  const root: Branch = { isList: false, children: new Map() };
  const conflicts: PlacementConflict[] = [];
  for (const { column, path } of placed) {
    const other = place(root, path, column);
    if (other !== undefined) conflicts.push({ column, path, other });
  }
  const node = compile(root);
  return {
    tree: {
      build(cells) {
        const object: Record<string, unknown> = {};
        if (typeof node !== 'number' && node.keys) fillObject(object, node.keys, node.nodes, cells);
        return object;
      },
    },
    conflicts,
  };
}

/** Puts a column where its path leads; gives the column that is in the way, if there is one. */
function place(root: Branch, path: FieldPath, column: number): number | undefined {
  let branch = root;
  for (const [depth, part] of path.entries()) {
    if (branch.isList !== (typeof part === 'number')) return anyColumn(branch);
    const child = branch.children.get(part);
    if (typeof child === 'number') return child;
    if (depth === path.length - 1) {
      if (child) return anyColumn(child);
      branch.children.set(part, column);
      return undefined;
    }
    const next = child ?? { isList: typeof path[depth + 1] === 'number', children: new Map() };
    branch.children.set(part, next);
    branch = next;
  }
  return undefined;
}

function anyColumn(branch: Branch): number | undefined {
  for (const child of branch.children.values()) return typeof child === 'number' ? child : anyColumn(child);
  return undefined;
}

function compile(branch: Branch | number): Node {
  if (typeof branch === 'number') return branch;
  const entries = [...branch.children];
  if (branch.isList) entries.sort(([left], [right]) => Number(left) - Number(right));
  const names = entries.map(([key]) => String(key));
  return {
    keys: branch.isList ? null : { names, areInherited: names.some((name) => name in Object.prototype) },
    nodes: entries.map(([, child]) => compile(child)),
  };
}

/** Gives whether anything was set. */
function fillObject(
  object: Record<string, unknown>,
  { names, areInherited }: Keys,
  nodes: readonly Node[],
  cells: readonly string[],
): boolean {
  let isFilled = false;
  for (let index = 0; index < names.length; index++) {
    const value = buildNode(nodes[index] ?? -1, cells);
    if (value === undefined) continue;
    const name = names[index] ?? '';
    if (areInherited) setOwn(object, name, value);
    else object[name] = value;
    isFilled = true;
  }
  return isFilled;
}

function buildNode(node: Node, cells: readonly string[]): unknown {
  if (typeof node === 'number') return trimText(cells[node] ?? '') || undefined;
  if (node.keys) {
    const object: Record<string, unknown> = {};
    return fillObject(object, node.keys, node.nodes, cells) ? object : undefined;
  }
  const list: unknown[] = [];
  for (const child of node.nodes) {
    const value = buildNode(child, cells);
    if (value !== undefined) list.push(value);
  }
  return list.length > 0 ? list : undefined;
}

/** Where a conflict lies, for a message. */
export function describeConflict({ column, path, other }: PlacementConflict, header: readonly string[]): string {
  const [name, otherName] = [column, other].map((index) => JSON.stringify(header[index] ?? ''));
  return `Column ${name} would go to ${formatFieldPath(path)}, where column ${otherName} goes already. Remove one of them, or rename it with fieldMapping.`;
}
