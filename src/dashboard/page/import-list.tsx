/** The imports, and the way to start one. */
import { useRef } from 'preact/hooks';
import { ImportCard } from './import-card.tsx';
import type { Imports } from './use-imports.ts';

export function ImportList({ imports, onFile }: { imports: Imports; onFile: (file: File) => void }) {
  const { imports: shown, isLoaded, error, olderAfter, loadOlder } = imports;
  const isEmpty = isLoaded && error === null && shown.length === 0;
  return (
    <section class="imports" aria-labelledby="imports-title">
      <div class="section-head">
        <h2 id="imports-title">Imports</h2>
        {isLoaded && !isEmpty && <ChooseFile onFile={onFile} />}
      </div>
      {error !== null && (
        <p class="alert" role="alert">
          The imports could not be read: {error}
        </p>
      )}
      {isEmpty && <NothingYet onFile={onFile} />}
      <ul class="cards">
        {shown.map((each) => (
          <li key={each.id}>
            <ImportCard shown={each} onChanged={imports.refresh} />
          </li>
        ))}
      </ul>
      {olderAfter !== null && (
        <button type="button" onClick={loadOlder}>
          Show older imports
        </button>
      )}
    </section>
  );
}

function NothingYet({ onFile }: { onFile: (file: File) => void }) {
  return (
    <div class="empty">
      <svg viewBox="0 0 48 48" width="48" height="48" aria-hidden="true">
        <path d="M14 6h14l8 8v28H14z M28 6v8h8 M25 34V22 M19.5 27 25 21.5 30.5 27" />
      </svg>
      <h3>Drop a file here to import it</h3>
      <p>
        A CSV or NDJSON file of contacts, of any size, packed with gzip or not. The gateway checks every row, sends them
        to CXone in bulk within its limits, and accounts for each.
      </p>
      <ChooseFile onFile={onFile} />
      <p class="quiet">
        Nothing at hand? <code>npm run -s sample -- --rows 25000 --dirty 0.04 &gt; contacts.csv</code> writes a file.
      </p>
    </div>
  );
}

function ChooseFile({ onFile }: { onFile: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="primary" onClick={() => input.current?.click()}>
        Import a file…
      </button>
      <input
        ref={input}
        type="file"
        accept=".csv,.tsv,.txt,.ndjson,.jsonl,.gz"
        hidden
        aria-label="File to import"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          // So that the same file can be chosen again.
          event.currentTarget.value = '';
          if (file) onFile(file);
        }}
      />
    </>
  );
}
