/** From a filled-in form to an import whose rows have arrived. */
import { useRef, useState } from 'preact/hooks';
import { useClient } from 'urql';
import { CancelImportDocument, CreateImportUploadDocument } from '../../client/generated/graphql.ts';
import { messageOf, typed } from './gateway.ts';
import { type ImportForm, toInput } from './import-form.tsx';
import { upload } from './upload.ts';

export function useUpload(onReceived: () => void) {
  const client = useClient();
  const [problem, setProblem] = useState<string | null>(null);
  /** Null while nothing is being sent. */
  const [sentBytes, setSentBytes] = useState<number | null>(null);
  const aborting = useRef(new AbortController());

  async function start(file: File, form: ImportForm): Promise<void> {
    aborting.current = new AbortController();
    const { signal } = aborting.current;
    setProblem(null);
    setSentBytes(0);
    const fail = (message: string) => {
      setProblem(message);
      setSentBytes(null);
    };
    const created = await client.mutation(typed(CreateImportUploadDocument), { input: toInput(form) });
    if (created.error) return fail(messageOf(created.error));
    const result = created.data?.createImportUpload;
    if (!result) return fail('The gateway did not take the import.');
    if ('message' in result) return fail(result.message);
    const uploaded = await upload({ url: result.url, file, signal, onProgress: setSentBytes });
    if (uploaded.outcome === 'received') return onReceived();
    // What nobody will send again should not stand there waiting for it.
    if (uploaded.outcome === 'broken') await client.mutation(typed(CancelImportDocument), { id: result.import.id });
    if (!signal.aborted) fail(uploaded.message);
  }

  return { sentBytes, problem, start, abort: () => aborting.current.abort() };
}
