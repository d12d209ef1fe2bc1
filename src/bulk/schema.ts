/** The types that every bulk operation shares in the schema. */
import type { Builder } from '../graphql/builder.ts';
import type { ExtendedSchemaTypes } from '../graphql/schema-types.ts';
import type { BulkCall } from './bulk-loader.ts';
import type { DuplicatePolicy } from './import-kind.ts';

export type BulkCallRef = PothosSchemaTypes.ObjectRef<ExtendedSchemaTypes, BulkCall>;
export type DuplicatePolicyRef = PothosSchemaTypes.EnumRef<ExtendedSchemaTypes, DuplicatePolicy>;

export function addBulkTypes(builder: Builder): { bulkCall: BulkCallRef; duplicatePolicy: DuplicatePolicyRef } {
  const bulkCall = builder.objectRef<BulkCall>('BulkCall').implement({
    description: 'The bulk call an item travelled in.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'The gateway’s id of the call, as in the audit.' }),
      size: t.exposeInt('size', { description: 'How many items shared it.' }),
    }),
  });
  const duplicatePolicy = builder.enumType('DuplicatePolicy', {
    description: 'What to do with an item that is already there.',
    values: {
      SKIP: { description: 'Leave it as it is.' },
      UPDATE: { description: 'Update it with what was given.' },
      FAIL: { description: 'Report it as failed.' },
    } as const,
  });
  return { bulkCall, duplicatePolicy };
}
