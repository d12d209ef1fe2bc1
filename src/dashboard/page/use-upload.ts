/** From a filled-in form to an import whose rows have arrived. */
import { useRef, useState } from 'preact/hooks';
import { useClient } from 'urql';
import {
  CancelImportDocument,
  CreateImportUploadDocument,
  type CreateImportUploadInput,
} from '../../client/generated/graphql.ts';
import { messageOf, typed } from './gateway.ts';
import { type ImportForm, toInput } from './import-form.tsx';
import { upload } from './upload.ts';

/** An import that waits for its file. */
interface Announced {
  readonly id: string;
  readonly url: string;
  /** What it was asked for with, as JSON. */
  readonly input: string;
}

const ALREADY_RECEIVED = 409;

export function useUpload(onReceived: () => void) {
  const client = useClient();
  const [problem, setProblem] = useState<string | null>(null);
  /** Null while nothing is being sent. */
  const [sentBytes, setSentBytes] = useState<number | null>(null);
  const aborting = useRef(new AbortController());
  const announced = useRef<Announced | null>(null);

  async function start(file: File, form: ImportForm): Promise<void> {
    aborting.current = new AbortController();
    const { signal } = aborting.current;
    setProblem(null);
    setSentBytes(0);
    const fail = (message: string) => {
      setProblem(message);
      setSentBytes(null);
    };
    const input = toInput(form);
    // An upload that broke may be tried again, and leaves no second import waiting.
    const isAgain = announced.current?.input === JSON.stringify(input);
    if (!isAgain) {
      giveUp();
      const refusal = await announce(input);
      if (refusal !== null) return fail(refusal);
    }
    if (announced.current === null || signal.aborted) return giveUp();
    const uploaded = await upload({ url: announced.current.url, file, signal, onProgress: setSentBytes });
    if (signal.aborted) return;
    if (uploaded.outcome === 'broken') return fail(uploaded.message);
    announced.current = null;
    // Of an attempt before this one only the answer was lost.
    const isThere = uploaded.outcome === 'received' || (isAgain && uploaded.status === ALREADY_RECEIVED);
    if (isThere) onReceived();
    else fail(uploaded.message);
  }

  /** @returns why there is none */
  async function announce(input: CreateImportUploadInput): Promise<string | null> {
    const { data, error } = await client.mutation(typed(CreateImportUploadDocument), { input }).toPromise();
    if (error) return messageOf(error);
    const result = data?.createImportUpload;
    if (!result) return 'The gateway did not take the import.';
    if ('message' in result) return result.message;
    announced.current = { id: result.import.id, url: result.url, input: JSON.stringify(input) };
    return null;
  }

  /** What nobody will send any more should not stand there waiting for it. */
  function giveUp(): void {
    const { current } = announced;
    announced.current = null;
    if (current) void client.mutation(typed(CancelImportDocument), { id: current.id }).toPromise();
  }

  const abort = () => {
    aborting.current.abort();
    giveUp();
  };
  return { sentBytes, problem, start, abort };
}
