/**
 * The two ways in which a whole file is refused. What is wrong with one row alone is that row's issue instead.
 */
import { GatewayError } from '../../errors.ts';

export interface FilePosition {
  /** 1 is the first data row, 0 the header; empty lines are not counted. */
  row?: number | undefined;
  /** 1 is the first. In a CSV the cell's number, in NDJSON the character's number in its line. */
  column?: number | undefined;
  /** From the start of the unpacked file; 0 is the first byte. */
  byteOffset?: number | undefined;
}

/**
 * The file is not what was announced, or nothing in it can be relied on from some point on. The message says where,
 * what, and what to do; it never quotes the file, which holds personal data.
 */
export class UnreadableFileError extends GatewayError {
  readonly row: number | undefined;
  readonly column: number | undefined;
  readonly byteOffset: number | undefined;

  constructor(message: string, position: FilePosition = {}, options?: ErrorOptions) {
    super('BAD_USER_INPUT', `${describePosition(position)}${message}`, options);
    this.row = position.row;
    this.column = position.column;
    this.byteOffset = position.byteOffset;
  }
}

function describePosition({ row, column, byteOffset }: FilePosition): string {
  const parts: string[] = [];
  if (row !== undefined) parts.push(row === 0 ? 'header row' : `row ${row}`);
  if (column !== undefined) parts.push(`column ${column}`);
  if (byteOffset !== undefined) parts.push(`byte ${byteOffset}`);
  if (parts.length === 0) return '';
  const where = parts.join(', ');
  return `${where.charAt(0).toUpperCase()}${where.slice(1)}: `;
}

/** The file unpacks to more bytes, or has more rows, than one import may have. */
export class FileTooLargeError extends GatewayError {
  readonly unit: 'bytes' | 'rows';
  readonly limit: number;

  constructor(unit: 'bytes' | 'rows', limit: number) {
    super('LIMIT_EXCEEDED', `The file has more than ${limit} ${unit}. Split it and import the parts one by one.`);
    this.unit = unit;
    this.limit = limit;
  }
}
