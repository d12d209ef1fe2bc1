/** All there is to know about one import: what it wrote to, its calls, why rows were left out, and the report. */
import type { ReportFragment } from '../../client/generated/graphql.ts';
import { counted, decimal, whole } from '../../client/number-text.ts';
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
      {detail.report && <Report report={detail.report} />}
      <RejectionReasons shown={shown} />
      <Targets targets={detail.targets} isPaused={shown.state === 'PAUSED'} />
      <Batches batches={detail.batches} total={shown.progress.batchesTotal} turnPage={turnPage} />
      <p class="quiet">
        Import id <code>{shown.id}</code>
      </p>
    </div>
  );
}

function Report({ report }: { report: ReportFragment }) {
  const { verification } = report;
  const figures: [string, string | null][] = [
    ['Success rate', `${decimal(report.successRatePercent)} %`],
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
            : `The list’s own count went from ${whole(verification.countBefore)} to ${whole(verification.countAfter)}, but ${whole(verification.expectedAfter)} were expected.`}
        </p>
      )}
    </section>
  );
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

function Targets({ targets, isPaused }: { targets: Detail['targets']; isPaused: boolean }) {
  if (targets.length === 0) return null;
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
                  {name}
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
                  <td key={key} data-name={name.toLowerCase()}>
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
