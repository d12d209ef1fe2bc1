/** What a screen reader says of an event: the turns an import takes, not every batch. */
import type { ImportEventType, ImportNewsFragment } from '../../client/generated/graphql.ts';
import { counted, whole } from '../../client/number-text.ts';
import { KIND_NAMES } from './format.ts';

const TURNS: Partial<Record<ImportEventType, string>> = {
  STARTED: 'started',
  PAUSED: 'paused',
  RESUMED: 'goes on',
  CANCELLED: 'cancelled',
  FAILED: 'failed',
  RETRIED: 'sends its failed rows again',
};

export function announcementOf({ type, import: { kind }, progress }: ImportNewsFragment): string | null {
  const name = `Import of ${KIND_NAMES[kind].toLowerCase()}`;
  if (type === 'FINISHED') {
    const { succeeded, valid, failed, unknown } = progress;
    const rest = failed + unknown;
    return `${name} finished: ${whole(succeeded)} of ${counted(valid, 'row')} succeeded${rest > 0 ? `, ${whole(rest)} did not` : ''}.`;
  }
  const turn = TURNS[type];
  return turn === undefined ? null : `${name} ${turn}.`;
}
