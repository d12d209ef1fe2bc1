/** The built page in memory: every file with what it takes to send it. Nothing is read from a disk by a request's path. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface PageFile {
  readonly contentType: string;
  readonly etag: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

export interface BuiltPage {
  readonly index: PageFile;
  /** By name. A name holds a hash of its content: what was sent under it never changes. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** @returns null where the page has not been built */
export async function readBuiltPage(folder: string): Promise<BuiltPage | null> {
  try {
    const names = await readdir(join(folder, 'assets'));
    const assets = await Promise.all(
      names.map(async (name) => [name, await readPageFile(join(folder, 'assets', name))] as const),
    );
    return { index: await readPageFile(join(folder, 'index.html')), assets: new Map(assets) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function readPageFile(path: string): Promise<PageFile> {
  const contentType = CONTENT_TYPES[extname(path)];
  if (contentType === undefined) throw new Error(`the built page has a file of an unknown type: ${path}`);
  const bytes = await readFile(path);
  const hash = createHash('sha256').update(bytes).digest('base64url');
  return { contentType, etag: `"${hash}"`, bytes, gzipped: await promisify(gzip)(bytes, { level: 9 }) };
}
