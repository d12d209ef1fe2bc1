/** Yoga with Pothos and its dataloader plugin, put together as their documentation has it. */
import { createServer } from 'node:http';
import SchemaBuilder from '@pothos/core';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import { createYoga } from 'graphql-yoga';
import { addContactToSegment } from './schema.mjs';
import { decodeId, encodeContactId, rest } from './upstream.mjs';

const builder = new SchemaBuilder({ plugins: [DataloaderPlugin], defaultFieldNullability: false });
builder.scalarType('JSONObject', { serialize: (value) => value });

const phoneNumber = builder.objectRef('PhoneNumber').implement({
  fields: (t) => ({
    number: t.exposeString('number'),
    type: t.exposeString('type'),
    primary: t.exposeBoolean('primary'),
  }),
});
const emailAddress = builder.objectRef('EmailAddress').implement({
  fields: (t) => ({
    address: t.exposeString('address'),
    type: t.exposeString('type'),
    primary: t.exposeBoolean('primary'),
  }),
});
const contact = builder.loadableObject('Contact', {
  load: (ids) => Promise.all(ids.map((id) => rest.contact(...decodeId('Contact', id)))),
  fields: (t) => ({
    id: t.id({ resolve: encodeContactId }),
    cxoneId: t.exposeString('id'),
    firstName: t.exposeString('firstName', { nullable: true }),
    lastName: t.exposeString('lastName', { nullable: true }),
    phoneNumbers: t.expose('phoneNumbers', { type: [phoneNumber] }),
    emailAddresses: t.expose('emailAddresses', { type: [emailAddress] }),
    customAttributes: t.expose('customAttributes', { type: 'JSONObject' }),
    externalRefId: t.string({
      nullable: true,
      resolve: ({ customAttributes }) => customAttributes.external_ref_id,
    }),
    version: t.exposeString('version', { nullable: true }),
  }),
});
const pageInfo = builder.objectRef('PageInfo').implement({
  fields: (t) => ({ hasNextPage: t.exposeBoolean('hasNextPage') }),
});
const contactConnection = builder.objectRef('ContactConnection').implement({
  fields: (t) => ({
    nodes: t.expose('nodes', { type: [contact] }),
    pageInfo: t.expose('pageInfo', { type: pageInfo }),
  }),
});
const addressBook = builder.objectRef('AddressBook').implement({
  fields: (t) => ({
    id: t.id({ resolve: ({ id }) => `gid://cxone/AddressBook/${encodeURIComponent(id)}` }),
    name: t.exposeString('name'),
    contacts: t.field({
      type: contactConnection,
      args: { first: t.arg.int() },
      resolve: ({ id }, { first }) => rest.contacts(id, first ?? 50),
    }),
  }),
});
builder.queryType({
  fields: (t) => ({
    contact: t.field({
      type: contact,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }) => String(id),
    }),
    addressBook: t.field({
      type: addressBook,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (_root, { id }) => rest.book(...decodeId('AddressBook', id)),
    }),
  }),
});

const payload = builder.objectRef('AddContactToSegmentPayload').implement({
  fields: (t) => ({ alreadyMember: t.exposeBoolean('alreadyMember') }),
});
const upstreamError = builder.objectRef('UpstreamError').implement({
  fields: (t) => ({ message: t.exposeString('message') }),
});
const result = builder.unionType('AddContactToSegmentResult', {
  types: [payload, upstreamError],
  resolveType: ({ __typename }) => __typename,
});
const input = builder.inputType('AddContactToSegmentInput', {
  fields: (t) => ({ segmentId: t.id({ required: true }), contactId: t.string({ required: true }) }),
});
builder.mutationType({
  fields: (t) => ({
    addContactToSegment: t.field({
      type: result,
      nullable: true,
      args: { input: t.arg({ type: input, required: true }) },
      resolve: (_root, args) => addContactToSegment(rest, args.input),
    }),
  }),
});

const yoga = createYoga({ schema: builder.toSchema(), logging: false, graphiql: false });
const server = createServer(yoga);
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
