/** Writes schema.graphql from the code: `node src/write-schema.ts`. */
import { writeFileSync } from 'node:fs';
import { printSchema } from './graphql/print-schema.ts';
import { createSchema } from './schema.ts';

writeFileSync(new URL('../schema.graphql', import.meta.url), printSchema(createSchema()));
