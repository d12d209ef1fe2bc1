/** What is wrong with CXone at the moment, as this replica sees it, in sentences for whoever runs the gateway. */
import type { UpstreamGroupStatus } from '../cxone/client.ts';
import type { AttemptReport } from '../cxone/observe.ts';

export interface UpstreamProblems {
  /** One call to CXone ended. */
  note(report: Pick<AttemptReport, 'group' | 'status' | 'fault'>): void;
  /** Empty where all is well. Nothing secret in it: it is shown to whoever asks. */
  list(groups: readonly Pick<UpstreamGroupStatus, 'group' | 'circuit'>[]): string[];
}

/** Failures in a row before a group counts as failing: one or two are the network's everyday. */
const TELLING_FAILURES = 3;

/** Nothing is wrong at first. */
export function createUpstreamProblems(): UpstreamProblems {
  const failures = new Map<string, { count: number; last: string }>();
  let isRefused = false;

  return {
    note({ group, status, fault }) {
      const isUnauthorized = fault === 'auth' || status === 401;
      if (isUnauthorized) isRefused = true;
      const failed = wordsFor(status, fault);
      if (failed === undefined) {
        failures.delete(group);
        // Only an answer to a call shows that a token was accepted.
        isRefused = false;
      } else {
        failures.set(group, { count: (failures.get(group)?.count ?? 0) + 1, last: failed });
      }
    },

    list(groups) {
      const problems = groups.flatMap(({ group, circuit }) => {
        const { count = 0, last = 'no answer' } = failures.get(group) ?? {};
        if (circuit !== 'CLOSED')
          return [`Calls to CXone for ${group} keep failing, so none are sent for now. The last failure: ${last}.`];
        return count >= TELLING_FAILURES
          ? [`The last ${count} calls to CXone for ${group} failed. The last failure: ${last}.`]
          : [];
      });
      return isRefused ? [CREDENTIALS, ...problems] : problems;
    },
  };
}

const CREDENTIALS =
  'CXone does not accept the gateway’s credentials: check CXONE_CLIENT_ID, CXONE_CLIENT_SECRET, CXONE_OAUTH_STYLE and which CXone is configured.';

/** Undefined for what is no failure of CXone's. */
function wordsFor(status: number | undefined, fault: string | undefined): string | undefined {
  if (fault === 'auth' || status === 401) return 'the credentials were refused';
  if (fault === 'timeout') return 'no answer in time';
  if (fault === 'badResponse') return 'an answer that cannot be read';
  if (fault !== undefined) return status === undefined ? 'no connection' : `status ${status}`;
  if (status === 429) return 'over the rate limit (429)';
  return status !== undefined && status >= 500 ? `status ${status}` : undefined;
}
