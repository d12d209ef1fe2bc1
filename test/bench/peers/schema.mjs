/** The part of the contract that is measured, as a schema and resolvers for the servers that take these. */
import { GraphQLScalarType } from 'graphql';
import { decodeId, encodeContactId } from './upstream.mjs';

export const typeDefs = `
  scalar JSONObject
  type Query { contact(id: ID!): Contact addressBook(id: ID!): AddressBook }
  type AddressBook { id: ID! name: String! contacts(first: Int): ContactConnection! }
  type ContactConnection { nodes: [Contact!]! pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean! }
  type Contact {
    id: ID! cxoneId: String! firstName: String lastName: String
    phoneNumbers: [PhoneNumber!]! emailAddresses: [EmailAddress!]!
    customAttributes: JSONObject! externalRefId: String version: String
  }
  type PhoneNumber { number: String! type: String! primary: Boolean! }
  type EmailAddress { address: String! type: String! primary: Boolean! }
  type Mutation { addContactToSegment(input: AddContactToSegmentInput!): AddContactToSegmentResult }
  input AddContactToSegmentInput { segmentId: ID! contactId: String! }
  type AddContactToSegmentPayload { alreadyMember: Boolean! }
  type UpstreamError { message: String! }
  union AddContactToSegmentResult = AddContactToSegmentPayload | UpstreamError
`;

/** @param restOf the upstream's calls, out of an operation's context */
export function createResolvers(restOf) {
  return {
    JSONObject: new GraphQLScalarType({ name: 'JSONObject' }),
    Query: {
      contact: (_root, { id }, context) => restOf(context).contact(...decodeId('Contact', id)),
      addressBook: (_root, { id }, context) => restOf(context).book(...decodeId('AddressBook', id)),
    },
    AddressBook: {
      id: ({ id }) => `gid://cxone/AddressBook/${encodeURIComponent(id)}`,
      contacts: ({ id }, { first }, context) => restOf(context).contacts(id, first ?? 50),
    },
    Contact: {
      id: encodeContactId,
      cxoneId: ({ id }) => id,
      externalRefId: ({ customAttributes }) => customAttributes.external_ref_id,
    },
    Mutation: {
      addContactToSegment: (_root, { input }, context) => addContactToSegment(restOf(context), input),
    },
  };
}

export async function addContactToSegment(rest, { segmentId, contactId }) {
  try {
    await rest.addToSegment(...decodeId('Segment', segmentId), contactId);
    return { __typename: 'AddContactToSegmentPayload', alreadyMember: false };
  } catch (error) {
    return { __typename: 'UpstreamError', message: error.message };
  }
}
