/** Sound rows of each kind of import as CSV, of any number, no two alike. */
import { outboundContacts } from '../../src/samples/outbound-contacts.ts';
import { sampleFile } from '../../src/samples/sample-file.ts';

/** CONTACTS are not among them: they have no bulk call, so their bound is CXone's 15 at a time, not the gateway. */
export const SAMPLE_KINDS = ['OUTBOUND_CONTACTS', 'RECORDS', 'ATTRIBUTES', 'SEGMENT_MEMBERS'] as const;
export type SampleKind = (typeof SAMPLE_KINDS)[number];

/** @param target CXone's id of the segment, where the rows name it */
export function importSample(kind: SampleKind, rows: number, target: string): string {
  if (kind === 'OUTBOUND_CONTACTS') {
    return [...sampleFile(outboundContacts({ rows, dirtyShare: 0, seed: 7 }), 'csv')].join('');
  }
  const consent = new Date(Date.now() - 86_400_000).toISOString();
  const [header, row] = {
    RECORDS: [
      'contactId,phone,consentTimestamp,optInStatus,first_name,last_name',
      (index: number) => `c-${index},+1415${2_000_000 + index},${consent},confirmed,Ada,Example`,
    ],
    ATTRIBUTES: [
      'contactId,loyalty_tier,preferred_channel,lifetime_value,days_since_order',
      (index: number) => `c-${index},gold,email,${index}.5,${index % 400}`,
    ],
    SEGMENT_MEMBERS: ['contactId,segmentId', (index: number) => `c-${index},${target}`],
  }[kind] as [string, (index: number) => string]; // Two types in a row of a table are a union to the compiler.
  return [header, ...Array.from({ length: rows }, (_, index) => row(index)), ''].join('\n');
}
