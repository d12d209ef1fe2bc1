/** The first tables. What each of them is for stands with its type in `tables.ts`. */
import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { SchemaDialect } from '../storage-engine.ts';
import type { Tables } from '../tables.ts';

export async function groundTables(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  await eventTables(db, schema);
  await coordinationTables(db, schema);
  await auditTable(db, schema);
  await outboxTable(db, schema);
  await importTables(db, schema);
}

async function eventTables(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const { integer, text } = schema;
  await createTable(db, schema, 'event_head', (table) =>
    table
      .addColumn('id', integer, (column) => column.primaryKey())
      .addColumn('seq', integer, (column) => column.notNull())
      .addColumn('pruned_seq', integer, (column) => column.notNull()),
  );
  await db.insertInto('event_head').values({ id: 1, seq: 0, pruned_seq: 0 }).execute();
  await createTable(db, schema, 'events', (table) =>
    table
      .addColumn('seq', integer, (column) => column.primaryKey())
      .addColumn('at', integer, (column) => column.notNull())
      .addColumn('topic', text, (column) => column.notNull())
      .addColumn('subject', text, (column) => column.notNull())
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('data_json', text, (column) => column.notNull()),
  );
  await createIndex(db, 'events', ['topic', 'seq']);
  await createIndex(db, 'events', ['topic', 'subject', 'seq']);
}

async function coordinationTables(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const { integer, text } = schema;
  await createTable(db, schema, 'leases', (table) =>
    table
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('owner', text, (column) => column.notNull())
      .addColumn('fence', integer, (column) => column.notNull())
      .addColumn('expires_at', integer, (column) => column.notNull()),
  );
  await createTable(db, schema, 'idempotency_keys', (table) =>
    table
      .addColumn('key', text, (column) => column.primaryKey())
      .addColumn('input_hash', text, (column) => column.notNull())
      .addColumn('result_json', text, (column) => column.notNull())
      .addColumn('expires_at', integer, (column) => column.notNull()),
  );
  await createIndex(db, 'idempotency_keys', ['expires_at']);
  await createTable(db, schema, 'settings', (table) =>
    table
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('value', text, (column) => column.notNull()),
  );
  await createTable(db, schema, 'replicas', (table) =>
    table
      .addColumn('owner', text, (column) => column.primaryKey())
      .addColumn('started_at', integer, (column) => column.notNull())
      .addColumn('expires_at', integer, (column) => column.notNull())
      .addColumn('holds_until', integer, (column) => column.notNull())
      .addColumn('keeps_until', integer, (column) => column.notNull())
      .addColumn('shares_json', text, (column) => column.notNull()),
  );
  await createTable(db, schema, 'slowdowns', (table) =>
    table
      .addColumn('endpoint_group', text, (column) => column.primaryKey())
      .addColumn('at', integer, (column) => column.notNull())
      .addColumn('not_before', integer, (column) => column.notNull()),
  );
}

async function auditTable(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const { integer, real, text } = schema;
  await createTable(db, schema, 'audit_entries', (table) =>
    table
      .addColumn('id', integer, schema.identity)
      .addColumn('at', integer, (column) => column.notNull())
      .addColumn('actor', text, (column) => column.notNull())
      .addColumn('action', text, (column) => column.notNull())
      .addColumn('subject', text, (column) => column.notNull())
      .addColumn('outcome', text, (column) => column.notNull())
      .addColumn('record_count', integer)
      .addColumn('latency_ms', real)
      .addColumn('request_id', text)
      .addColumn('upstream_request_id', text)
      .addColumn('detail_json', text, (column) => column.notNull()),
  );
  await createIndex(db, 'audit_entries', ['at', 'id']);
  await createIndex(db, 'audit_entries', ['subject', 'at', 'id']);
  await createIndex(db, 'audit_entries', ['action', 'at', 'id']);
  await createIndex(db, 'audit_entries', ['actor', 'at', 'id']);
}

async function outboxTable(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const { integer, text } = schema;
  await createTable(db, schema, 'outbox', (table) =>
    table
      .addColumn('id', integer, schema.identity)
      .addColumn('message_id', text, (column) => column.notNull().unique())
      .addColumn('stream', text, (column) => column.notNull())
      .addColumn('url', text, (column) => column.notNull())
      .addColumn('body', text, (column) => column.notNull())
      .addColumn('attempts', integer, (column) => column.notNull())
      .addColumn('next_attempt_at', integer, (column) => column.notNull())
      .addColumn('expires_at', integer, (column) => column.notNull())
      .addColumn('created_at', integer, (column) => column.notNull()),
  );
  await createIndex(db, 'outbox', ['stream', 'id']);
  await createIndex(db, 'outbox', ['next_attempt_at']);
}

async function importTables(db: Kysely<Tables>, schema: SchemaDialect): Promise<void> {
  const { integer, real, text } = schema;
  await createTable(db, schema, 'imports', (table) =>
    table
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('failure', text)
      .addColumn('target_id', text)
      .addColumn('campaign_id', text)
      .addColumn('format', text)
      .addColumn('options_json', text, (column) => column.notNull())
      .addColumn('created_by', text, (column) => column.notNull())
      .addColumn('request_id', text)
      .addColumn('created_at', integer, (column) => column.notNull())
      .addColumn('started_at', integer)
      .addColumn('finished_at', integer)
      .addColumn('upload_expires_at', integer)
      .addColumn('begun', integer, (column) => column.notNull())
      .addColumn('upload_attempt', integer, (column) => column.notNull())
      .addColumn('bytes', integer, (column) => column.notNull())
      .addColumn('received', integer, (column) => column.notNull())
      .addColumn('rejected', integer, (column) => column.notNull())
      .addColumn('duplicates', integer, (column) => column.notNull())
      .addColumn('valid', integer, (column) => column.notNull())
      .addColumn('succeeded', integer, (column) => column.notNull())
      .addColumn('skipped', integer, (column) => column.notNull())
      .addColumn('failed', integer, (column) => column.notNull())
      .addColumn('unknown', integer, (column) => column.notNull())
      .addColumn('created', integer, (column) => column.notNull())
      .addColumn('batches_total', integer, (column) => column.notNull())
      .addColumn('batches_done', integer, (column) => column.notNull())
      .addColumn('latency_sum_ms', real, (column) => column.notNull())
      .addColumn('total_fields', integer, (column) => column.notNull())
      .addColumn('filled_fields', integer, (column) => column.notNull())
      .addColumn('count_before', integer)
      .addColumn('count_after', integer)
      .addColumn('count_expected', integer)
      .addColumn('discrepancy', text)
      .addColumn('header_json', text),
  );
  await createIndex(db, 'imports', ['created_at', 'id']);
  await createIndex(db, 'imports', ['state', 'created_at', 'id']);
  await createIndex(db, 'imports', ['target_id', 'created_at', 'id']);

  await createTable(db, schema, 'import_targets', (table) =>
    table
      .addColumn('import_id', text, (column) => column.notNull())
      .addColumn('target_id', text, (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('valid', integer, (column) => column.notNull())
      .addColumn('succeeded', integer, (column) => column.notNull())
      .addColumn('skipped', integer, (column) => column.notNull())
      .addColumn('failed', integer, (column) => column.notNull())
      .addColumn('unknown', integer, (column) => column.notNull())
      .addColumn('attempts', integer, (column) => column.notNull())
      .addColumn('not_before', integer, (column) => column.notNull())
      .addColumn('last_item_json', text)
      .addPrimaryKeyConstraint('import_targets_pk', ['import_id', 'target_id'])
      .addForeignKeyConstraint('import_targets_import_fk', ['import_id'], 'imports', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  );

  await createTable(db, schema, 'import_batches', (table) =>
    table
      .addColumn('import_id', text, (column) => column.notNull())
      .addColumn('number', integer, (column) => column.notNull())
      .addColumn('upload_attempt', integer, (column) => column.notNull())
      .addColumn('target_id', text, (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('size', integer, (column) => column.notNull())
      .addColumn('succeeded', integer, (column) => column.notNull())
      .addColumn('skipped', integer, (column) => column.notNull())
      .addColumn('failed', integer, (column) => column.notNull())
      .addColumn('unknown', integer, (column) => column.notNull())
      .addColumn('attempts', integer, (column) => column.notNull())
      .addColumn('attempt_json', text)
      .addColumn('latency_ms', real)
      .addColumn('upstream_request_id', text)
      .addColumn('error', text)
      .addColumn('finished_at', integer)
      .addColumn('rows_json', text)
      .addColumn('items_json', text)
      .addColumn('sources_json', text)
      .addPrimaryKeyConstraint('import_batches_pk', ['import_id', 'number'])
      .addForeignKeyConstraint('import_batches_import_fk', ['import_id'], 'imports', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  );
  // The batches still to do, of a target and of an import; what is done, most of a long import, is not in the second.
  await createIndex(db, 'import_batches', ['import_id', 'target_id', 'state', 'number']);
  await db.schema
    .createIndex('import_batches_open')
    .on('import_batches')
    .columns(['import_id', 'number'])
    .where(sql.ref('state'), 'in', [sql.lit('PENDING'), sql.lit('RUNNING')])
    .execute();

  await db.schema
    .createIndex('import_batches_sending')
    .on('import_batches')
    .columns(['import_id', 'target_id'])
    .where(sql.ref('state'), '=', sql.lit('RUNNING'))
    .execute();

  await createTable(db, schema, 'import_rejections', (table) =>
    table
      .addColumn('import_id', text, (column) => column.notNull())
      .addColumn('row', integer, (column) => column.notNull())
      .addColumn('upload_attempt', integer, (column) => column.notNull())
      .addColumn('stage', text, (column) => column.notNull())
      .addColumn('target_id', text)
      .addColumn('issues_json', text, (column) => column.notNull())
      .addColumn('data_json', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('import_rejections_pk', ['import_id', 'row'])
      .addForeignKeyConstraint('import_rejections_import_fk', ['import_id'], 'imports', ['id'], (key) =>
        key.onDelete('cascade'),
      ),
  );
}

async function createTable<T extends keyof Tables>(
  db: Kysely<Tables>,
  schema: SchemaDialect,
  name: T,
  // The builder's second parameter grows with each column added; nobody reads it.
  define: (table: CreateTableBuilder<T>) => CreateTableBuilder<T, string>,
): Promise<void> {
  await schema.strict(define(db.schema.createTable(name))).execute();
}

async function createIndex(db: Kysely<Tables>, table: keyof Tables, columns: string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_${columns.join('_')}`)
    .on(table)
    .columns(columns)
    .execute();
}
