/** Mercurius on Fastify, compiling a document once it has been seen twice. */
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { createResolvers, typeDefs } from './schema.mjs';
import { rest } from './upstream.mjs';

const app = Fastify({ keepAliveTimeout: 120_000 });
app.register(mercurius, { schema: typeDefs, resolvers: createResolvers(() => rest), jit: 1 });
console.log(await app.listen({ port: 0, host: '127.0.0.1' }));
