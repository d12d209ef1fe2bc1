/**
 * Remembers which rows of an import have been seen, by a hash of what makes them the same row: an open-addressing
 * table of 16-byte keys in one typed array, 32 MB for a million rows where a Set of strings takes several times that.
 */

/** Of the 32 bytes of a SHA-256: two different rows of ten million share them with a chance of 10^-25. */
const WORDS = 4;
const KEY_BYTES = WORDS * 4;
const FIRST_SLOTS = 1 << 12;
/** Beyond this share of filled slots, probing grows long and the table is doubled. */
const MAX_LOAD = 0.7;

export interface DedupeTable {
  /** Adds a key of at least 16 evenly spread bytes; false where it was there already. */
  add(key: Uint8Array): boolean;
  readonly size: number;
}

export function createDedupeTable(): DedupeTable {
  let slots = FIRST_SLOTS;
  let words = new Uint32Array(slots * WORDS);
  let size = 0;

  /** The slot that holds the key or would take it, as an index into `words`. */
  const find = (a: number, b: number, c: number, d: number): number => {
    // The keys are hashes: their first word is as good a place to start as any.
    let slot = a & (slots - 1);
    for (;;) {
      const at = slot * WORDS;
      if (words[at + 3] === 0) return at;
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at;
      slot = (slot + 1) & (slots - 1);
    }
  };

  const grow = () => {
    const old = words;
    slots *= 2;
    words = new Uint32Array(slots * WORDS);
    for (let at = 0; at < old.length; at += WORDS) {
      const last = old[at + 3] as number;
      if (last === 0) continue;
      const place = find(old[at] as number, old[at + 1] as number, old[at + 2] as number, last);
      words.set(old.subarray(at, at + WORDS), place);
    }
  };

  return {
    add(key) {
      if (key.byteLength < KEY_BYTES) throw new RangeError(`a key has ${key.byteLength} bytes, at least 16 are needed`);
      const view = new DataView(key.buffer, key.byteOffset, KEY_BYTES);
      const a = view.getUint32(0);
      const b = view.getUint32(4);
      const c = view.getUint32(8);
      // Zero in the last word marks an empty slot; one key in four billion loses a bit to that.
      const d = view.getUint32(12) || 1;
      const at = find(a, b, c, d);
      if (words[at + 3] !== 0) return false;
      words[at] = a;
      words[at + 1] = b;
      words[at + 2] = c;
      words[at + 3] = d;
      size += 1;
      if (size > slots * MAX_LOAD) grow();
      return true;
    },
    get size() {
      return size;
    },
  };
}
