/**
 * Rows to objects of a kind's shape: the field mapping renames, then the kind's own aliases apply, dots reach into
 * objects and lists, and columns the kind does not know go where it wants them. All of it is decided once for a header.
 */
import { type Issue, ValidationError } from '../../errors.ts';
import { setOwn } from '../../own-property.ts';
import { createColumnTree, describeConflict } from './column-tree.ts';
import { type FieldPath, isPathFault, type PathFault, parseFieldPath } from './field-path.ts';
import { renameJsonRow } from './json-renaming.ts';
import { isCells, type SourceRow } from './source-row.ts';

export interface RowMapperOptions {
  /** A CSV's column names; null for rows that are JSON. */
  header: readonly string[] | null;
  /** The caller's renamings. A target may be an alias, too. */
  fieldMapping: readonly { source: string; target: string }[];
  /** Short names a kind understands in columns: `phone` for `phoneNumbers.0.number`. */
  aliases: Readonly<Record<string, string>>;
  /** The field under which whatever is not known goes, by its name as it stands; without it, it stays where it is. */
  rest?: string | null;
  /** The kind's fields at the top of a row. */
  known: readonly string[];
  /** The field in which a CSV's empty cell is an empty text, and not absent. */
  keepsEmptyIn?: string;
}

export interface RowMapper {
  /**
   * A new object; values are trimmed, and what is empty in a CSV is absent, but for `keepsEmptyIn`. A CSV's record must have as many cells as
   * the header, which is so for every row the reader gives without issues.
   *
   * @throws ValidationError for a JSON row, and for that row alone, with hostile keys, too many levels, or two values for one place
   */
  map(record: SourceRow['record']): Record<string, unknown>;
}

/**
 * @throws ValidationError naming every mapping (`options.fieldMapping.N`) and column (`header.NAME`) that cannot be
 *   followed: unknown or doubled sources, unknown targets, two columns for one place, paths that are none. Without a
 *   header, what depends on the columns is not checked.
 */
export function createRowMapper(options: RowMapperOptions): RowMapper {
  const { header, fieldMapping, known, rest = null } = options;
  const issues: Issue[] = [];
  const targets = new Map<string, { path: FieldPath; mapping: number }>();

  for (const [index, { source, target }] of fieldMapping.entries()) {
    const path = resolveTarget(target, options);
    if (targets.has(source)) {
      issues.push(
        mappingIssue(
          index,
          'source',
          'DUPLICATE_SOURCE',
          `${quote(source)} is renamed already. Name each source once.`,
        ),
      );
    } else if (header && !header.includes(source)) {
      issues.push(
        mappingIssue(
          index,
          'source',
          'UNKNOWN_COLUMN',
          `The file has no column ${quote(source)}. The names stand in its first line.`,
        ),
      );
    } else if (isPathFault(path)) {
      issues.push(mappingIssue(index, 'target', path.code, `${quote(target)} ${path.message}.`));
    } else if (rest === null && !known.includes(path[0])) {
      issues.push(
        mappingIssue(
          index,
          'target',
          'UNKNOWN_TARGET',
          `There is no field ${quote(path[0])}. There are: ${known.join(', ')}.`,
        ),
      );
    } else {
      targets.set(source, { path, mapping: index });
    }
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return header ? mapCells(header) : mapObjects();

  function mapCells(names: readonly string[]): RowMapper {
    const placed = names.map((name, column) => {
      const path = targets.get(name)?.path ?? resolveTarget(name, options);
      if (!isPathFault(path)) return { column, path };
      issues.push({ path: ['header', name], code: path.code, message: `Column ${quote(name)} ${path.message}.` });
      return { column, path: [name] as const };
    });
    const { tree, conflicts } = createColumnTree(placed);
    for (const conflict of conflicts) {
      const [name = '', otherName = ''] = [names[conflict.column], names[conflict.other]];
      const mapping = targets.get(name)?.mapping ?? targets.get(otherName)?.mapping;
      const message = describeConflict(conflict, names);
      issues.push(
        mapping === undefined
          ? { path: ['header', name], code: 'MAPPING_CONFLICT', message }
          : mappingIssue(mapping, 'target', 'MAPPING_CONFLICT', message),
      );
    }
    if (issues.length > 0) throw new ValidationError(issues);
    const kept = placed.flatMap(({ path: [field, name, ...deeper] }) =>
      field === options.keepsEmptyIn && name !== undefined && deeper.length === 0 ? [String(name)] : [],
    );
    return {
      map(record) {
        const row = tree.build(isCells(record) ? record : []);
        return kept.length > 0 ? withEmpty(row, options.keepsEmptyIn ?? '', kept) : row;
      },
    };
  }

  function mapObjects(): RowMapper {
    const entries = [...targets];
    const { conflicts } = createColumnTree(entries.map(([, { path }], column) => ({ column, path })));
    for (const conflict of conflicts) {
      const message = describeConflict(conflict, [...targets.keys()]);
      issues.push(mappingIssue(conflict.column, 'target', 'MAPPING_CONFLICT', message));
    }
    if (issues.length > 0) throw new ValidationError(issues);
    const renaming = {
      renamings: entries.map(([source, { path }]) => ({ source, target: path })),
      known: new Set(known),
      rest,
    };
    return { map: (record) => renameJsonRow(isCells(record) ? {} : record, renaming) };
  }
}

/** The row with an empty text for each of these names that its object in `field` has nothing for. */
function withEmpty(row: Record<string, unknown>, field: string, names: readonly string[]): Record<string, unknown> {
  const given: object = row[field] ?? {};
  const all: Record<string, unknown> = {};
  for (const name of names) setOwn(all, name, '');
  for (const [name, value] of Object.entries(given)) setOwn(all, name, value);
  row[field] = all;
  return row;
}

/** A name that begins with no known field is one key as it stands, dots and all. */
function resolveTarget(name: string, { aliases, known, rest = null }: RowMapperOptions): FieldPath | PathFault {
  const target = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
  const parsed = parseFieldPath(target, rest);
  const [first = ''] = target.split('.', 1);
  if (known.includes(first) || first === rest) return parsed;
  if (isPathFault(parsed) && (parsed.code === 'HOSTILE_KEY' || target === '')) return parsed;
  return rest === null ? [target] : [rest, target];
}

function mappingIssue(index: number, side: 'source' | 'target', code: string, message: string): Issue {
  return { path: ['options', 'fieldMapping', String(index), side], code, message };
}

/** Names of columns, cut where somebody puts a novel there. */
function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
