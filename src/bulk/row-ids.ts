/** Ids in rows and inputs: CXone's raw ids, and global ids too (interface.md). What could not stand in a path or a key is refused. */

/** As in global ids (faults.md, "Client abuse"). */
const RAW_ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;
const GLOBAL_ID = /^gid:\/\/cxone\/([A-Za-z]+)\/(?:[^/]+\/)?([^/]+)$/;

/** CXone's own id of a thing of `type`, given as such or as a global id; null where it is neither. */
export function readRowId(value: unknown, type: string): string | null {
  // Spreadsheets and JSON writers give ids of digits as numbers.
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string') return null;
  const named = text.startsWith('gid:') ? GLOBAL_ID.exec(text) : null;
  const raw = named?.[1] === type ? decode(named[2] ?? '') : text;
  return RAW_ID.test(raw) && !raw.includes('..') ? raw : null;
}

/** What to tell of a value that is no id of a thing of this type. */
export function notAnId(type: string): string {
  return `This is not an id of a ${type.toLowerCase()}. Give CXone’s own id, or a global one.`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
