/** `watch`: follows one import to its end and says what became of its rows. */
import { GatewayCallError, type GatewayClient } from '../client/gateway-client.ts';
import { ImportOutcomeDocument, type ImportOutcomeQuery, ImportProgressDocument } from '../client/generated/graphql.ts';
import { counted, decimal, whole } from '../client/number-text.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { followEvents } from './follow-events.ts';
import { createProgressDisplay } from './progress-display.ts';
import type { Terminal } from './terminal.ts';

export interface WatchOptions {
  readonly importId: string;
  readonly json: boolean;
}

/** @throws GatewayCallError @returns the import's exit code, or that of an interruption, which leaves the import alone */
export async function watchImport(gateway: GatewayClient, options: WatchOptions, terminal: Terminal): Promise<number> {
  const { json } = options;
  const { stdout, stderr, signal } = terminal;
  const id = options.importId.startsWith('gid://')
    ? options.importId
    : `gid://cxone/Import/${encodeURIComponent(options.importId)}`;
  // Told at once where there is no gateway or no such import; the subscription below would wait for it to come back.
  const { import: found } = await gateway.execute(ImportOutcomeDocument, { id });
  if (!found)
    throw new GatewayCallError('NOT_FOUND', 'There is no such import. Check its id; `events` lists the newest.');
  const display = createProgressDisplay(stdout);
  const news = gateway.subscribe(ImportProgressDocument, { id });
  const end = await followEvents(news, signal, ({ importProgress: event }) => {
    if (json) stdout.write(`${JSON.stringify(event)}\n`);
    else display.show(event);
  });
  display.end();
  if (end === 'interrupted') {
    stderr.write(`The import goes on without this watch. To see it again: cxone-gateway watch ${id}\n`);
    return EXIT.interrupted;
  }

  const { import: outcome } = await gateway.execute(ImportOutcomeDocument, { id });
  if (!outcome) throw new GatewayCallError('NOT_FOUND', 'The import is no longer kept.');
  stdout.write(json ? `${JSON.stringify(outcome)}\n` : `${outcomeLines(outcome).join('\n')}\n`);
  return exitCodeOf(outcome.state);
}

type Outcome = NonNullable<ImportOutcomeQuery['import']>;

const STATES: Partial<Record<Outcome['state'], string>> = {
  COMPLETED: 'Completed',
  COMPLETED_WITH_FAILURES: 'Completed with failures',
  CANCELLED: 'Cancelled',
  FAILED: 'Failed',
};

function outcomeLines({ state, failure, progress, report, rejectionsUrl }: Outcome): string[] {
  const { received, succeeded, skipped, failed, unknown, rejected, duplicates, pending } = progress;
  const counts: [string, number][] = [
    ['succeeded', succeeded],
    ['skipped, already there', skipped],
    [duplicates === 1 ? 'duplicate in the file' : 'duplicates in the file', duplicates],
    ['rejected before sending', rejected],
    ['refused by CXone', failed],
    ['outcome unknown', unknown],
    // What is completed with rows that were not sent was a mere check.
    [state === 'COMPLETED' ? 'valid, not sent' : 'not sent', pending],
  ];
  const shown = counts.filter(([name, count]) => count > 0 || name === 'succeeded');
  const lines = [
    `${STATES[state] ?? state}${failure === null ? '' : `: ${failure}`}`,
    `  ${whole(received).padStart(9)}  ${received === 1 ? 'row' : 'rows'} received`,
    ...shown.map(([name, count]) => `  ${whole(count).padStart(9)}  ${name}`),
  ];
  const verification = report?.verification;
  if (verification) {
    const { matches, countAfter, expectedAfter } = verification;
    const verdict = matches
      ? 'as it should'
      : `but ${whole(expectedAfter)} should be there: somebody else may have written to it, or CXone lost some`;
    lines.push(`The list now holds ${counted(countAfter, 'contact')}, ${verdict}.`);
  }
  if (report?.fillRatePercent != null) lines.push(`Attributes filled: ${decimal(report.fillRatePercent)} %`);
  if (rejected + failed + unknown + duplicates > 0) lines.push(`Rows to mend: ${rejectionsUrl}`);
  return lines;
}
