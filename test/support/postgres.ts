/** Fresh databases for tests, on either engine, gone when disposed. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import type { Engine } from '../../src/store/storage-engine.ts';

export interface FreshDatabase {
  /** As in `DATABASE_URL`. */
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * An empty database. On Postgres it is a new one on the server of this test run, which starts with the first that is
 * asked for; on SQLite a file in a temporary folder.
 * @throws Error when the server cannot be started: a test never silently does without it
 */
export async function freshDatabaseUrl(engine: Engine): Promise<FreshDatabase> {
  return engine === 'postgres' ? freshPostgresDatabase() : freshSqliteFile();
}

async function freshSqliteFile(): Promise<FreshDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-test-'));
  return {
    url: `file:${join(folder, 'gateway.db')}`,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function freshPostgresDatabase(): Promise<FreshDatabase> {
  const server = await postgresServerUrl();
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  // template0 rather than template1: it has no connections that could stand in the way of being copied.
  await runOn(server, `create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = name;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => runOn(server, `drop database if exists ${name} with (force)`),
  };
}

async function runOn(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function postgresServerUrl(): Promise<string> {
  const answer = await fetch(inject('postgresStarterUrl'));
  const text = await answer.text();
  if (!answer.ok) throw new Error(`Postgres for the tests did not start: ${text}`);
  return text;
}
