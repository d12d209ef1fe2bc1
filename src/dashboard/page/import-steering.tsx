/** The buttons that steer an import: those that make sense in its state. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type OperationResult, useClient } from 'urql';
import {
  CancelImportDocument,
  type FailureFragment,
  type ImportState,
  PauseImportDocument,
  ResumeImportDocument,
  RetryImportDocument,
} from '../../client/generated/graphql.ts';
import { messageOf, typed } from './gateway.ts';
import type { ShownImport } from './use-imports.ts';

const CAN_CANCEL: readonly ImportState[] = ['AWAITING_UPLOAD', 'RECEIVING', 'RUNNING', 'PAUSED', 'CONFIRMING'];
const HAS_ENDED: readonly ImportState[] = ['COMPLETED', 'COMPLETED_WITH_FAILURES', 'FAILED', 'CANCELLED'];

export function ImportSteering(props: { shown: ShownImport; label: string; onChanged: () => void }) {
  const { shown, label, onChanged } = props;
  const { id, state, progress } = shown;
  const client = useClient();
  const [isBusy, setIsBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [isCancelling, setIsCancelling] = useState(false);

  // To be asked, and to have answered, takes away the button that was pressed: the focus goes where one goes on.
  const nextButton = useRef<HTMLButtonElement>(null);
  const wasCancelling = useRef(false);
  useLayoutEffect(() => {
    const isTurn = isCancelling !== wasCancelling.current;
    wasCancelling.current = isCancelling;
    if (isTurn && document.activeElement === document.body) nextButton.current?.focus();
  }, [isCancelling]);

  async function steer(call: Promise<string | null>) {
    setIsBusy(true);
    setProblem(await call);
    setIsBusy(false);
    setIsCancelling(false);
    onChanged();
  }
  const pause = async () => refusalIn(await client.mutation(typed(PauseImportDocument), { id }), 'pauseImport');
  const resume = async () => refusalIn(await client.mutation(typed(ResumeImportDocument), { id }), 'resumeImport');
  const cancel = async () => refusalIn(await client.mutation(typed(CancelImportDocument), { id }), 'cancelImport');
  const retry = async () => refusalIn(await client.mutation(typed(RetryImportDocument), { id }), 'retryImport');

  const hasFailedRows = progress.failed + progress.unknown > 0 || (state === 'FAILED' && progress.pending > 0);
  const button = (text: string, call: () => Promise<string | null>) => (
    // Not `disabled`: that would take the focus from it.
    <button type="button" aria-disabled={isBusy} onClick={() => isBusy || void steer(call())}>
      {text}
      <span class="visually-hidden"> {label}</span>
    </button>
  );
  return (
    <>
      {problem !== null && (
        <p class="alert" role="alert">
          {problem}
        </p>
      )}
      {state === 'RUNNING' && button('Pause', pause)}
      {state === 'PAUSED' && button('Resume', resume)}
      {HAS_ENDED.includes(state) && hasFailedRows && button('Send failed rows again', retry)}
      {CAN_CANCEL.includes(state) &&
        (isCancelling ? (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields
          <span class="confirm" role="group" aria-labelledby={`cancelling-${id}`}>
            <span id={`cancelling-${id}`}>What was sent stays sent.</span>
            {button('Cancel it', cancel)}
            <button ref={nextButton} type="button" class="plain" onClick={() => setIsCancelling(false)}>
              Keep it
              <span class="visually-hidden"> {label}</span>
            </button>
          </span>
        ) : (
          <button ref={nextButton} type="button" onClick={() => setIsCancelling(true)}>
            Cancel…<span class="visually-hidden"> {label}</span>
          </button>
        ))}
    </>
  );
}

/** Why a mutation did nothing, or null where it did: errors of the call, and errors that are part of its answer. */
function refusalIn<Field extends string>(
  { data, error }: OperationResult<Record<Field, FailureFragment | object | null>>,
  field: Field,
): string | null {
  if (error) return messageOf(error);
  const result = data?.[field];
  return result && 'message' in result ? result.message : null;
}
