/** Asks where a file is to go, sends it there, and gets out of the way: its progress is in the list. */
import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useQuery } from 'urql';
import { ImportPlacesDocument } from '../../client/generated/graphql.ts';
import { counted, share } from '../../client/number-text.ts';
import { bytes } from './format.ts';
import { messageOf, typed } from './gateway.ts';
import { guessKind } from './guess-kind.ts';
import { EMPTY_FORM, type ImportForm, ImportFormFields } from './import-form.tsx';
import { useUpload } from './use-upload.ts';

export function UploadDialog(props: { file: File; othersWaiting: number; isLive: boolean; onClose: () => void }) {
  const { file, othersWaiting, isLive, onClose } = props;
  const [isReadable, setIsReadable] = useState(true);
  const dialog = useRef<HTMLDialogElement>(null);
  const [form, setForm] = useState<ImportForm>(EMPTY_FORM);
  const [places, readPlaces] = useQuery({ query: typed(ImportPlacesDocument) });
  const startButton = useRef<HTMLButtonElement>(null);
  // Closed and not just gone: the focus returns to where it was.
  const upload = useUpload(() => dialog.current?.close());
  const isUnread = places.error !== undefined;

  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  // What could not be read while the gateway was away is read when it is back.
  useEffect(() => {
    if (isLive && isUnread) readPlaces();
  }, [isLive]);
  useEffect(() => {
    let isOver = false;
    guessKind(file).then(
      (guess) => {
        if (!isOver) setForm((before) => ({ ...before, ...guess }));
      },
      () => setIsReadable(false),
    );
    return () => {
      isOver = true;
    };
  }, [file]);

  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (upload.sentBytes !== null) return;
    // The fields are hidden now, and with them the focus.
    startButton.current?.focus();
    void upload.start(file, form);
  };
  const { sentBytes } = upload;
  const unreadable = isReadable
    ? null
    : 'This cannot be read. Choose a file, not a folder, that is still where it was.';
  const problem = upload.problem ?? unreadable ?? (places.error ? messageOf(places.error) : null);
  const sent = Math.min(sentBytes ?? 0, file.size);
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
        <p class="quiet">
          {bytes(file.size)}
          {othersWaiting > 0 && ` · then ${counted(othersWaiting, 'other file')}`}
        </p>
        {problem !== null && (
          <p class="alert" role="alert">
            {problem}
          </p>
        )}
        {/* Hidden rather than gone: what was unfolded is so again, where the import is refused. */}
        <div hidden={sentBytes !== null}>
          <ImportFormFields form={form} places={places.data} isUnread={isUnread} onChange={setForm} />
        </div>
        {sentBytes !== null && (
          <label class="field">
            <span>
              {sent < file.size
                ? `Sending: ${share(sent, file.size)}`
                : 'All bytes are there; the rows are being checked…'}
            </span>
            <progress max={Math.max(1, file.size)} value={sent} />
          </label>
        )}
        <div class="actions">
          <button type="button" class="plain" onClick={() => dialog.current?.close()}>
            {sentBytes === null ? 'Not now' : 'Cancel the upload'}
          </button>
          <button ref={startButton} type="submit" class="primary" aria-disabled={sentBytes !== null}>
            Start import
          </button>
        </div>
      </form>
    </dialog>
  );
}
