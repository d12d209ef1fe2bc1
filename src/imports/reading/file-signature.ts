/**
 * Files that are plainly something else, known by their first bytes, each refused with what to do about it.
 */
import type { TextEncodingName } from './byte-text.ts';
import { UnreadableFileError } from './file-errors.ts';

const UTF_8_BOM = [0xef, 0xbb, 0xbf];

const OTHER_FILES: readonly { bytes: readonly number[]; advice: string }[] = [
  { bytes: [0xff, 0xfe], advice: 'The file is UTF-16. Save it as UTF-8 ("CSV UTF-8" in Excel).' },
  { bytes: [0xfe, 0xff], advice: 'The file is UTF-16. Save it as UTF-8 ("CSV UTF-8" in Excel).' },
  { bytes: [0x1f, 0x8b], advice: 'The file is packed with gzip. Send it with Content-Encoding: gzip, or unpack it.' },
  { bytes: [0x50, 0x4b, 0x03, 0x04], advice: 'This is a ZIP file or an Excel workbook. Save the sheet as CSV.' },
  { bytes: [0xd0, 0xcf, 0x11, 0xe0], advice: 'This is an old Excel workbook. Save the sheet as CSV.' },
  { bytes: [0x25, 0x50, 0x44, 0x46], advice: 'This is a PDF. Export the table as CSV.' },
];

/**
 * @param start the file's first bytes
 * @returns how many bytes of byte order mark stand in front of the text
 * @throws UnreadableFileError for UTF-16, gzip in gzip, workbooks, and a UTF-8 mark in what was announced as another encoding
 */
export function checkFileSignature(start: Uint8Array, encoding: TextEncodingName): number {
  for (const { bytes, advice } of OTHER_FILES) {
    if (beginsWith(start, bytes)) throw new UnreadableFileError(advice, { byteOffset: 0 });
  }
  if (!beginsWith(start, UTF_8_BOM)) return 0;
  if (encoding !== 'UTF_8') {
    throw new UnreadableFileError('The file is marked as UTF-8. Set options.encoding to UTF_8.', { byteOffset: 0 });
  }
  return UTF_8_BOM.length;
}

function beginsWith(start: Uint8Array, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => start[index] === byte);
}
