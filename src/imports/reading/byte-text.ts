/**
 * Bytes to text, block by block, in the three encodings an import may announce, with the first invalid byte found
 * exactly and replacements counted. Characters that lie across two blocks are put together again.
 */
import { isAscii, isUtf8 } from 'node:buffer';

export type TextEncodingName = 'UTF_8' | 'ISO_8859_1' | 'WINDOWS_1252';

export interface DecodedText {
  /** All that could be decoded: with `invalid`, the text in front of it. */
  text: string;
  invalid?: { byte: number; byteOffset: number };
}

export interface ByteDecoder {
  /** U+FFFD put in place of invalid bytes so far. */
  readonly replacements: number;
  decode(block: Buffer): DecodedText;
  /** What is left of a character whose last bytes never came. */
  end(): DecodedText;
}

/** Bytes Windows-1252 leaves undefined. WHATWG's decoder turns them into the control characters of the same number. */
const UNDEFINED_IN_WINDOWS_1252 = /[\x81\x8d\x8f\x90\x9d]/;
const ALL_UNDEFINED_IN_WINDOWS_1252 = new RegExp(UNDEFINED_IN_WINDOWS_1252, 'g');

/**
 * @param invalidText REJECT: decoding ends at the first invalid byte. REPLACE: each maximal invalid sequence becomes
 *   one U+FFFD, as the WHATWG Encoding Standard has it. ISO-8859-1 gives every byte a meaning, so nothing is invalid.
 */
export function createByteDecoder(encoding: TextEncodingName, invalidText: 'REJECT' | 'REPLACE'): ByteDecoder {
  switch (encoding) {
    case 'UTF_8':
      return createUtf8Decoder(invalidText);
    case 'WINDOWS_1252':
      return createWindows1252Decoder(invalidText);
    case 'ISO_8859_1':
      // Not TextDecoder: to it, 'iso-8859-1' is a label of windows-1252.
      return { replacements: 0, decode: (block) => ({ text: block.toString('latin1') }), end: () => ({ text: '' }) };
  }
}

function createUtf8Decoder(invalidText: 'REJECT' | 'REPLACE'): ByteDecoder {
  let replacements = 0;
  let consumed = 0;
  /** The first bytes of a character that goes on in the next block: at most three. */
  let held: Buffer = NOTHING;

  function decodeWhole(bytes: Buffer): DecodedText {
    if (isAscii(bytes)) return { text: bytes.toString('latin1') };
    const text = bytes.toString('utf8');
    if (isUtf8(bytes)) return { text };
    if (invalidText === 'REJECT') {
      const at = firstInvalidByte(bytes);
      return { text: bytes.toString('utf8', 0, at), invalid: { byte: bytes[at] ?? 0, byteOffset: consumed + at } };
    }
    replacements += countReplacements(text) - countEncodedReplacements(bytes);
    return { text };
  }

  return {
    get replacements() {
      return replacements;
    },
    decode(block) {
      const bytes = held.length === 0 ? block : Buffer.concat([held, block]);
      const length = lengthInWholeCharacters(bytes, bytes.length);
      const decoded = decodeWhole(bytes.subarray(0, length));
      // A copy: the block's memory is used again.
      held = length === bytes.length ? NOTHING : Buffer.from(bytes.subarray(length));
      consumed += length;
      return decoded;
    },
    end() {
      const decoded = decodeWhole(held);
      consumed += held.length;
      held = NOTHING;
      return decoded;
    },
  };
}

const NOTHING = Buffer.alloc(0);

/** How many of the first `length` bytes are left once a character that is cut off at their end is taken away. */
function lengthInWholeCharacters(bytes: Buffer, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] ?? 0;
    if (byte < 0x80) return length;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? length - back : length;
    }
  }
  return length;
}

/** Where the first invalid sequence begins, in bytes that are known to have one: by halves, each asked of simdutf. */
function firstInvalidByte(bytes: Buffer): number {
  let valid = 0;
  let invalid = bytes.length;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    if (isUtf8(bytes.subarray(0, lengthInWholeCharacters(bytes, middle)))) valid = middle;
    else invalid = middle;
  }
  return lengthInWholeCharacters(bytes, valid);
}

function countReplacements(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) count++;
  return count;
}

/** U+FFFD that stood in the file already. */
function countEncodedReplacements(bytes: Buffer): number {
  const encoded = Buffer.from('\ufffd');
  let count = 0;
  for (let at = bytes.indexOf(encoded); at >= 0; at = bytes.indexOf(encoded, at + 1)) count++;
  return count;
}

function createWindows1252Decoder(invalidText: 'REJECT' | 'REPLACE'): ByteDecoder {
  const decoder = new TextDecoder('windows-1252');
  let replacements = 0;
  let consumed = 0;
  return {
    get replacements() {
      return replacements;
    },
    decode(block) {
      const offset = consumed;
      consumed += block.length;
      if (isAscii(block)) return { text: block.toString('latin1') };
      const text = decoder.decode(block);
      // One byte is one character here, so a character's index is its byte's.
      const at = text.search(UNDEFINED_IN_WINDOWS_1252);
      if (at < 0) return { text };
      if (invalidText === 'REJECT') {
        return { text: text.slice(0, at), invalid: { byte: block[at] ?? 0, byteOffset: offset + at } };
      }
      return {
        text: text.replace(ALL_UNDEFINED_IN_WINDOWS_1252, () => {
          replacements++;
          return '\ufffd';
        }),
      };
    },
    end: () => ({ text: '' }),
  };
}
