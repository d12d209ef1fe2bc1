/**
 * Which statements a Postgres server parses and plans once a connection rather than each time: those that come again
 * and again. Half of what the server has to do for a short statement is that.
 */

/** A statement that came this often will come again. */
const WORTH_AFTER_USES = 10;
/** Statements prepared at most: each takes some 20 kB of the server's memory, in every connection. */
const MAX_PREPARED = 100;
/** Longer ones are lists of rows, hardly ever of the same length twice; UTF-16 units. */
const MAX_TEXT_LENGTH = 4_000;
/** Statements whose uses are counted; then counting begins anew. */
const MAX_COUNTED = 1_000;

export interface PreparedStatements {
  /** Counts a use of the statement. @returns the name to prepare it under, the same each time; undefined where it is not worth it */
  nameOf(text: string): string | undefined;
  /** The tables have changed under what is prepared, as by a newer version's migration: from now on, names are new. */
  renew(): void;
}

export function createPreparedStatements(): PreparedStatements {
  const names = new Map<string, string>();
  const uses = new Map<string, number>();
  let generation = 1;
  return {
    nameOf(text) {
      const name = names.get(text);
      if (name !== undefined) return name;
      if (names.size >= MAX_PREPARED || text.length > MAX_TEXT_LENGTH) return undefined;
      const count = (uses.get(text) ?? 0) + 1;
      if (count <= WORTH_AFTER_USES) {
        if (uses.size >= MAX_COUNTED) uses.clear();
        uses.set(text, count);
        return undefined;
      }
      uses.delete(text);
      const newName = `gateway_${generation}_${names.size + 1}`;
      names.set(text, newName);
      return newName;
    },
    renew() {
      generation++;
      names.clear();
    },
  };
}
