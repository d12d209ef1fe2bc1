/**
 * Takes white space off both ends: all that Unicode calls so, the no-break space and the byte order mark included.
 */
export function trimText(text: string): string {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  // Nearly every value begins and ends in visible ASCII: no need to look further. NaN of an empty text fails too.
  if (first > SPACE && first < DELETE && last > SPACE && last < DELETE) return text;
  let trimmed = text.trim();
  // U+0085 is white space to Unicode but not to JavaScript.
  while (trimmed.startsWith('\u0085')) trimmed = trimmed.slice(1).trimStart();
  while (trimmed.endsWith('\u0085')) trimmed = trimmed.slice(0, -1).trimEnd();
  return trimmed;
}

const SPACE = 0x20;
const DELETE = 0x7f;
