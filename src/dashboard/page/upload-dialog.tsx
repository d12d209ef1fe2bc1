/** Asks where a file is to go, sends it there, and gets out of the way: its progress is in the list. */
import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useQuery } from 'urql';
import { ImportPlacesDocument } from '../../client/generated/graphql.ts';
import { decimal } from '../../client/number-text.ts';
import { bytes } from './format.ts';
import { messageOf, typed } from './gateway.ts';
import { guessKind } from './guess-kind.ts';
import { EMPTY_FORM, type ImportForm, ImportFormFields } from './import-form.tsx';
import { useUpload } from './use-upload.ts';

export function UploadDialog({ file, onClose }: { file: File; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [form, setForm] = useState<ImportForm>(EMPTY_FORM);
  const [places] = useQuery({ query: typed(ImportPlacesDocument) });
  const upload = useUpload(onClose);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  useEffect(() => {
    let isOver = false;
    void guessKind(file).then((guess) => {
      if (!isOver) setForm((before) => ({ ...before, ...guess }));
    });
    return () => {
      isOver = true;
    };
  }, [file]);

  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    void upload.start(file, form);
  };
  const { sentBytes } = upload;
  const problem = upload.problem ?? (places.error ? messageOf(places.error) : null);
  const percent = file.size === 0 ? 0 : (100 * (sentBytes ?? 0)) / file.size;
  return (
    <dialog
      ref={dialog}
      class="card"
      aria-labelledby="upload-title"
      onClose={() => {
        upload.abort();
        onClose();
      }}
    >
      <form onSubmit={submit}>
        <h2 id="upload-title">Import {file.name}</h2>
        <p class="quiet">{bytes(file.size)}</p>
        {problem !== null && (
          <p class="alert" role="alert">
            {problem}
          </p>
        )}
        {/* Hidden rather than gone: what was unfolded is so again, where the import is refused. */}
        <div hidden={sentBytes !== null}>
          <ImportFormFields form={form} places={places.data} onChange={setForm} />
        </div>
        {sentBytes !== null && (
          <label class="field">
            <span>
              {percent < 100 ? `Sending: ${decimal(percent)} %` : 'All bytes are there; the rows are being checked…'}
            </span>
            <progress max={100} value={percent} />
          </label>
        )}
        <div class="actions">
          <button type="button" class="plain" onClick={() => dialog.current?.close()}>
            {sentBytes === null ? 'Not now' : 'Cancel the upload'}
          </button>
          <button type="submit" class="primary" disabled={sentBytes !== null}>
            Start import
          </button>
        </div>
      </form>
    </dialog>
  );
}
