/**
 * Remembers which rows of an import have been seen, by a hash of what makes them the same row: open-addressing tables
 * of 16-byte keys in typed arrays, about 32 MB for a million rows where a Set of strings takes several times that.
 */

/** Of the 32 bytes of a SHA-256: two different rows of ten million share them with a chance of 10^-25. */
const WORDS = 4;
const KEY_LENGTH = WORDS * 4;
/** Doubling one table of millions would hold up the event loop; doubling one of many at a time does not. */
const SHARDS = 256;
const FIRST_SLOTS = 64;
/** Beyond this share of filled slots, probing grows long and a shard is doubled. */
const MAX_LOAD = 0.7;

export interface DedupeTable {
  /** Adds a key of at least 16 evenly spread bytes, each a character; false where it was there already. */
  add(key: string): boolean;
  readonly size: number;
}

interface Shard {
  words: Int32Array;
  slots: number;
  size: number;
}

export function createDedupeTable(): DedupeTable {
  const shards = Array.from({ length: SHARDS }, (): Shard => emptyShard(FIRST_SLOTS));
  let size = 0;
  return {
    add(key) {
      if (key.length < KEY_LENGTH) throw new RangeError(`a key has ${key.length} bytes, at least 16 are needed`);
      const a = wordAt(key, 0);
      const b = wordAt(key, 4);
      // Zero in the last word marks an empty slot; one key in four billion loses a bit to that.
      const added = addToShard(shards[b & (SHARDS - 1)] as Shard, a, b, wordAt(key, 8), wordAt(key, 12) || 1);
      if (added) size += 1;
      return added;
    },
    get size() {
      return size;
    },
  };
}

/** Four bytes as a number, negative for half of them: one that V8 need not put on the heap. */
function wordAt(key: string, at: number): number {
  const low = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 8) | (key.charCodeAt(at + 2) << 16);
  return low | (key.charCodeAt(at + 3) << 24);
}

function emptyShard(slots: number): Shard {
  return { words: new Int32Array(slots * WORDS), slots, size: 0 };
}

function addToShard(shard: Shard, a: number, b: number, c: number, d: number): boolean {
  const at = find(shard, a, b, c, d);
  if (shard.words[at + 3] !== 0) return false;
  shard.words[at] = a;
  shard.words[at + 1] = b;
  shard.words[at + 2] = c;
  shard.words[at + 3] = d;
  shard.size += 1;
  if (shard.size > shard.slots * MAX_LOAD) grow(shard);
  return true;
}

/** Where the key stands or would stand, as an index into the words. */
function find({ words, slots }: Shard, a: number, b: number, c: number, d: number): number {
  // The keys are hashes: their first word is as good a place to start as any.
  let slot = a & (slots - 1);
  for (;;) {
    const at = slot * WORDS;
    if (words[at + 3] === 0) return at;
    if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at;
    slot = (slot + 1) & (slots - 1);
  }
}

function grow(shard: Shard): void {
  const { words } = shard;
  Object.assign(shard, emptyShard(shard.slots * 2), { size: shard.size });
  for (let from = 0; from < words.length; from += WORDS) {
    const last = words[from + 3] as number;
    if (last === 0) continue;
    const at = find(shard, words[from] as number, words[from + 1] as number, words[from + 2] as number, last);
    shard.words.set(words.subarray(from, from + WORDS), at);
  }
}
