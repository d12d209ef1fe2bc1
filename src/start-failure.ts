/** Why the gateway could not start, for the person who started it: the variable that is to be looked at, and what to do. */
import { ConfigError } from './config.ts';
import { isUnavailable } from './errors.ts';
import { SqliteFileError } from './store/sqlite.ts';

/** What cannot be put down to the configuration is a bug, and told with its stack. */
export function startFailure(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const line = lineFor(error);
  if (line !== undefined) return `The gateway could not start:\n  ${line}`;
  return `The gateway could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

function lineFor(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, syscall, address, port, hostname } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  }; // What Node adds to errors of the system; all of it may be missing.
  if (code === 'EADDRINUSE')
    return `PORT: ${port} is taken on ${address}. Stop what listens there, or set another PORT.`;
  if (code === 'EADDRNOTAVAIL') return `HOST: ${address} is no address of this machine (${code}). Set another.`;
  if (syscall === 'listen') return `HOST, PORT: cannot listen on ${address}:${port} (${code}). Set others.`;
  if (syscall === 'getaddrinfo') return `HOST: ${hostname} is no address of this machine (${code}). Set another.`;
  if (error instanceof SqliteFileError)
    return `DATABASE_URL: ${error.message}. Name another, or make it readable and writable.`;
  if (code === 'ERR_SQLITE_ERROR' || syscall === 'mkdir' || syscall === 'open')
    return `DATABASE_URL: the file cannot be used (${error.message}). Name another, or make it readable and writable.`;
  if (isUnavailable(error) && error.cause instanceof Error)
    return `DATABASE_URL: the database cannot be used (${error.cause.message}). Is it running, and the address right?`;
  return undefined;
}
