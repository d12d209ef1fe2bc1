/** Segment and its memberships: types, queries, mutations, and what contacts have to do with segments. */
import { z } from 'zod';
import { withNeighbours } from '../bulk/mutation-lookahead.ts';
import { notAnId, readRowId } from '../bulk/row-ids.ts';
import type { BulkCallRef } from '../bulk/schema.ts';
import type { ContactRef } from '../contacts/schema.ts';
import { ValidationError } from '../errors.ts';
import type { Builder } from '../graphql/builder.ts';
import {
  addConnection,
  connectionArgs,
  connectionCost,
  readPageRequest,
  toConnection,
} from '../graphql/connections.ts';
import { callerOf, type GraphQLContext } from '../graphql/context.ts';
import { createCursorCodec } from '../graphql/cursors.ts';
import { UPSTREAM_MUTATION_ERRORS } from '../graphql/error-types.ts';
import { decodeGlobalId, encodeGlobalId } from '../graphql/global-ids.ts';
import { loadOnce } from '../graphql/load-once.ts';
import { addMutation } from '../graphql/mutation-field.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import type { Membership, Segment } from './model.ts';
import type { AddedContact } from './service.ts';

type ObjectRef<Shape> = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, Shape>;

const KEY_DESCRIPTION = 'The first result with this key is kept for 24 h and given again.';

/** A segment by its raw id; asked for once in an operation, however often it is named. */
function loadSegment(segmentId: string, context: GraphQLContext): Promise<Segment | null> {
  const { services, call } = context;
  return loadOnce(context, ['segment', segmentId], () => services.segments.get(segmentId, call));
}

function loadMembership(segmentId: string, contactId: string, context: GraphQLContext): Promise<Membership> {
  const { services, call } = context;
  return loadOnce(context, ['membership', segmentId, contactId], () =>
    services.segments.membership(segmentId, contactId, call),
  );
}

export function addSegmentTypes(builder: Builder, refs: { contact: ContactRef; bulkCall: BulkCallRef }): void {
  const segment = addSegment(builder);
  const membership = addMembership(builder, segment);

  builder.objectField(segment, 'membership', (t) =>
    t.field({
      type: membership,
      description: 'Whether a contact is a member, as far as CXone’s index shows it.',
      args: { contactId: t.arg.string({ required: true, description: 'CXone’s id of the contact.' }) },
      resolve: ({ id }, { contactId }, context) => loadMembership(id, readContactId(contactId), context),
    }),
  );
  builder.objectField(refs.contact, 'segmentMembership', (t) =>
    t.field({
      type: membership,
      description: 'Whether it is a member of a segment, as far as CXone’s index shows it.',
      args: { segmentId: t.arg.id({ required: true, description: 'The global id of the segment.' }) },
      resolve: ({ cxoneId }, { segmentId }, context) =>
        loadMembership(decodeGlobalId(segmentId, 'Segment', ['segmentId']), cxoneId, context),
    }),
  );
  addQueries(builder, segment);
  addAddContactToSegment(builder, membership, refs.bulkCall);
  addRefreshSegment(builder, segment);
}

/** @throws ValidationError */
function readContactId(given: string): string {
  const contactId = readRowId(given, 'Contact');
  if (contactId !== null) return contactId;
  throw new ValidationError([{ path: ['contactId'], code: 'INVALID_ID', message: notAnId('Contact') }]);
}

function addSegment(builder: Builder): ObjectRef<Segment> {
  const type = builder.enumType('SegmentType', {
    description: 'Who decides on the members of a segment.',
    values: {
      STATIC: { value: 'static', description: 'Members are added to it.' },
      DYNAMIC: { value: 'dynamic', description: 'CXone computes them: it cannot be written to.' },
    } as const,
  });
  const ref = builder.objectRef<Segment>('Segment').implement({
    description: 'A set of contacts.',
    interfaces: [builder.nodeInterface],
    fields: (t) => ({
      id: t.id({ description: 'The global id.', resolve: ({ id }) => encodeGlobalId('Segment', id) }),
      cxoneId: t.exposeString('id', { description: 'CXone’s own id.' }),
      name: t.exposeString('name', { description: 'Its name.' }),
      type: t.expose('type', { type, description: 'Who decides on its members.' }),
      memberCount: t.exposeInt('memberCount', {
        nullable: true,
        description: 'How many members its index shows; null where CXone does not say.',
      }),
    }),
  });
  builder.nodes.register(ref, {
    partCount: 1,
    resolve: ([id], context) => loadSegment(id, context),
    placeholder: ([id]): Segment => ({ id, name: '', type: 'static', memberCount: null }),
  });
  return ref;
}

function addMembership(builder: Builder, segment: ObjectRef<Segment>): ObjectRef<Membership> {
  const state = builder.enumType('MembershipState', {
    description: 'How far a membership has come.',
    values: {
      NOT_MEMBER: { description: 'CXone’s index does not show it.' },
      WRITTEN: { description: 'Accepted by CXone, not yet seen in its index.' },
      INDEXED: { description: 'Seen in CXone’s index.' },
      UNCONFIRMED: { description: 'Accepted by CXone, and not seen in its index in the time there was.' },
    } as const,
  });
  return builder.objectRef<Membership>('SegmentMembership').implement({
    description: 'A contact in a segment, or not.',
    fields: (t) => ({
      segment: t.expose('segment', { type: segment, description: 'The segment.' }),
      contactId: t.exposeString('contactId', { description: 'CXone’s id of the contact.' }),
      isMember: t.boolean({
        description: 'Whether it is a member, be it that only CXone’s acceptance says so yet.',
        resolve: (membership) => membership.state !== 'NOT_MEMBER',
      }),
      addedAt: t.field({
        type: 'DateTime',
        nullable: true,
        description: 'When it was added, once the index shows it.',
        resolve: ({ addedAt }) => addedAt,
      }),
      state: t.expose('state', { type: state, description: 'How far it has come.' }),
    }),
  });
}

function addQueries(builder: Builder, segment: ObjectRef<Segment>): void {
  const cursors = createCursorCodec('segments', z.int().nonnegative());
  const connection = addConnection(builder, segment, 'segments');
  builder.queryFields((t) => ({
    segment: t.field({
      type: segment,
      nullable: true,
      description: 'The segment with this id, null where there is none.',
      args: { id: t.arg.id({ required: true, description: 'The global id of a segment.' }) },
      resolve: (_root, { id }, context) => loadSegment(decodeGlobalId(id, 'Segment'), context),
    }),
    segments: t.field({
      type: connection,
      description: 'All segments, in CXone’s order.',
      args: connectionArgs(t.arg),
      complexity: connectionCost,
      resolve: async (_root, args, context) => {
        const { first, after } = readPageRequest(args, cursors);
        const offset = after === undefined ? 0 : after + 1;
        const { items, hasNextPage } = await loadOnce(context, ['segments', offset, first], () =>
          context.services.segments.page({ offset, first }, context.call),
        );
        const neighbours = { hasNextPage, hasPreviousPage: offset > 0 };
        return toConnection(items, cursors, (_segment, index) => offset + index, neighbours);
      },
    }),
  }));
}

function addAddContactToSegment(builder: Builder, membership: ObjectRef<Membership>, bulkCall: BulkCallRef): void {
  addMutation(builder, 'addContactToSegment', {
    description: 'Adds a contact to a static segment. Shares a bulk call with its neighbours and with other callers.',
    role: 'writer',
    input: builder.inputType('AddContactToSegmentInput', {
      description: 'A contact and the segment it shall be in.',
      fields: (t) => ({
        segmentId: t.id({ required: true, description: 'The global id of the segment.' }),
        contactId: t.string({ required: true, description: 'CXone’s id of the contact.' }),
        confirm: t.boolean({
          required: true,
          defaultValue: false,
          description: 'Wait until CXone’s index shows the membership (up to about 30 s).',
        }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    payload: builder.objectRef<AddedContact>('AddContactToSegmentPayload').implement({
      description: 'What became of the contact.',
      fields: (t) => ({
        membership: t.expose('membership', { type: membership, description: 'The membership as it is now.' }),
        alreadyMember: t.exposeBoolean('alreadyMember', { description: 'Whether it was a member before.' }),
        bulkCall: t.expose('bulkCall', { type: bulkCall, description: 'The call it travelled in.' }),
      }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    around: withNeighbours(({ segmentId, contactId }) => [segmentId, contactId]),
    resolve: ({ segmentId, contactId, confirm }, context) =>
      context.services.segments.addContact(
        {
          segmentId: decodeGlobalId(segmentId, 'Segment', ['segmentId']),
          contactId: readContactId(contactId),
          confirm,
        },
        callerOf(context),
      ),
  });
}

function addRefreshSegment(builder: Builder, segment: ObjectRef<Segment>): void {
  addMutation(builder, 'refreshSegment', {
    description: 'Rebuilds the index of a segment: at most once an hour.',
    role: 'writer',
    input: builder.inputType('RefreshSegmentInput', {
      description: 'Which segment to refresh.',
      fields: (t) => ({
        id: t.id({ required: true, description: 'The global id of the segment.' }),
        idempotencyKey: t.string({ description: KEY_DESCRIPTION }),
      }),
    }),
    payload: builder.objectRef<{ segment: Segment }>('RefreshSegmentPayload').implement({
      description: 'The segment that was refreshed.',
      fields: (t) => ({ segment: t.expose('segment', { type: segment, description: 'The segment.' }) }),
    }),
    errors: UPSTREAM_MUTATION_ERRORS,
    resolve: async ({ id }, context) => ({
      segment: await context.services.segments.refresh(decodeGlobalId(id, 'Segment'), callerOf(context)),
    }),
  });
}
