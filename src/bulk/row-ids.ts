/** Ids in rows and inputs: CXone's raw ids, and global ids too (interface.md). What could not stand in a path or a key is refused. */

/** cxone-api.md, section 1: ids over 128 characters are refused before any call. */
const MAX_LENGTH = 128;
/** As in global ids: printable ASCII without what means something in a URL, a query, a quoted string or markup. */
const RAW_ID = /^[!$()*+,\-.0-9:=@A-Z[\]^_a-z{|}~]+$/;
const GLOBAL_ID = /^gid:\/\/cxone\/([A-Za-z]+)\/(?:[^/]+\/)?([^/]+)$/;

/** CXone's own id of a thing of `type`, given as such or as a global id; null where it is neither. */
export function readRowId(value: unknown, type: string): string | null {
  // Spreadsheets and JSON writers give ids of digits as numbers.
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string') return null;
  const [, named, part] = GLOBAL_ID.exec(text) ?? [];
  const raw = named === type && part !== undefined ? decode(part) : text;
  const isUsable = raw.length <= MAX_LENGTH && RAW_ID.test(raw) && !raw.includes('..') && raw !== '.';
  return isUsable ? raw : null;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}
