/** All there is to know about one import: what it wrote to, its calls, why rows were left out, and the report. */
import type { ProgressFragment, ReportFragment } from '../../client/generated/graphql.ts';
import { counted, decimal, share, whole } from '../../client/number-text.ts';
import { Batches } from './batches.tsx';
import { inWords, targetName } from './format.ts';
import { RejectionReasons } from './rejection-reasons.tsx';
import { type Detail, useImportDetail } from './use-import-detail.ts';
import type { ShownImport } from './use-imports.ts';

export function ImportDetail({ shown }: { shown: ShownImport }) {
  const { detail, problem, turnPage } = useImportDetail(shown);
  if (problem !== null) return <p class="alert">{problem}</p>;
  if (detail === null) return <p class="quiet">Reading…</p>;
  return (
    <div class="detail">
      {detail.report && <Report report={detail.report} progress={detail.progress} />}
      <RejectionReasons shown={shown} />
      <Targets targets={detail.targets} shown={shown} />
      <Batches batches={detail.batches} total={shown.progress.batchesTotal} turnPage={turnPage} />
      <p class="quiet">
        Import id <code>{shown.id}</code>
      </p>
    </div>
  );
}

function Report({ report, progress }: { report: ReportFragment; progress: ProgressFragment }) {
  const { verification } = report;
  const figures: [string, string | null][] = [
    ['Success rate', successRate(report, progress)],
    ['Average call', inMilliseconds(report.averageBatchLatencyMs)],
    ['Slowest 5 %', inMilliseconds(report.p95BatchLatencyMs)],
    ['Attributes filled', report.fillRatePercent === null ? null : `${decimal(report.fillRatePercent)} %`],
  ];
  return (
    <section>
      <h4>Report</h4>
      <dl class="figures">
        {figures.map(
          ([name, value]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      {verification && (
        <p class={verification.matches ? 'quiet' : 'alert'}>
          {verification.matches
            ? `Verified: the list’s own count went from ${whole(verification.countBefore)} to ${whole(verification.countAfter)}, as it should.`
            : `The list’s own count went from ${whole(verification.countBefore)} to ${whole(verification.countAfter)}, but ${whole(verification.expectedAfter)} should be there.`}
        </p>
      )}
    </section>
  );
}

/** From the counts: the report's own figure is rounded, and a single row in 25 000 that failed must not make it 100 %. */
function successRate({ successRatePercent }: ReportFragment, progress: ProgressFragment): string {
  const { succeeded, skipped, failed, unknown, valid } = progress;
  // Where nothing was sent, as by a mere check, the report knows what that means.
  if (succeeded + skipped + failed + unknown === 0) return `${decimal(successRatePercent)} %`;
  return share(succeeded + skipped, valid);
}

function inMilliseconds(value: number | null): string | null {
  return value === null ? null : `${whole(Math.round(value))} ms`;
}

/** On a phone each number has its name beside it: there is no room for columns. */
const COUNTS = [
  ['Succeeded', 'succeeded'],
  ['Skipped', 'skipped'],
  ['Failed', 'failed'],
  ['To go', 'pending'],
  ['Attempts', 'attempts'],
] as const;

function Targets({ targets, shown }: { targets: Detail['targets']; shown: ShownImport }) {
  if (targets.length === 0) return null;
  const isPaused = shown.state === 'PAUSED';
  const nameOf = (name: string) => (name === 'To go' && shown.finishedAt !== null ? 'Not sent' : name);
  return (
    <section>
      <h4>{counted(targets.length, 'target')}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls where it is too wide, also by keyboard */}
      <section class="scroll" tabIndex={0} aria-label="Targets">
        <table>
          <thead>
            <tr>
              <th scope="col">Target</th>
              <th scope="col">State</th>
              {COUNTS.map(([name]) => (
                <th key={name} scope="col">
                  {nameOf(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {targets.map(({ node, state, ...target }) => (
              <tr key={node.id}>
                <th scope="row">{targetName(node)}</th>
                <td>{inWords(isPaused && state === 'RUNNING' ? 'PAUSED' : state)}</td>
                {COUNTS.map(([name, key]) => (
                  <td
                    key={key}
                    data-name={key === 'attempts' && target[key] === 1 ? 'attempt' : nameOf(name).toLowerCase()}
                  >
                    {whole(target[key])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
