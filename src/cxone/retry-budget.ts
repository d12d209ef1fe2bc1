/**
 * Bounds what retries add to a failing CXone, as AWS's standard mode does: each retry costs, success gives back, and
 * when nothing is left calls fail at their first failure.
 */
import { RETRY_BUDGET } from './limits.ts';

export interface RetryBudget {
  /** Whether a retry may be made; then it is paid for. */
  spend(): boolean;
  /** A call succeeded after `retries` retries. */
  refund(retries: number): void;
}

/** 500 tokens, 5 a retry: 200 calls that all keep failing make at most 300 requests. */
export function createRetryBudget(): RetryBudget {
  let tokens: number = RETRY_BUDGET.capacity;
  return {
    spend() {
      if (tokens < RETRY_BUDGET.retryCost) return false;
      tokens -= RETRY_BUDGET.retryCost;
      return true;
    },
    refund(retries) {
      tokens = Math.min(
        RETRY_BUDGET.capacity,
        tokens + (retries > 0 ? RETRY_BUDGET.retryCost : RETRY_BUDGET.successRefund),
      );
    },
  };
}
