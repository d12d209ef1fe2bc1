/** What an import needs to know beside its file. */
import type {
  CreateImportUploadInput,
  DuplicatePolicy,
  ImportFormat,
  ImportKind,
  ImportPlacesQuery,
  TextEncoding,
} from '../../client/generated/graphql.ts';
import { counted } from '../../client/number-text.ts';
import { KIND_NAMES } from './format.ts';

export interface ImportForm {
  readonly kind: ImportKind;
  readonly format: ImportFormat;
  readonly targetId: string;
  readonly campaign: string;
  readonly onDuplicate: DuplicatePolicy | '';
  readonly encoding: TextEncoding;
  readonly defaultCountry: string;
  readonly validateOnly: boolean;
}

export const EMPTY_FORM: ImportForm = {
  kind: 'OUTBOUND_CONTACTS',
  format: 'CSV',
  targetId: '',
  campaign: '',
  onDuplicate: '',
  encoding: 'UTF_8',
  defaultCountry: '',
  validateOnly: false,
};

const KINDS: Readonly<Record<ImportKind, { target: 'list' | 'book' | null; meaning: string }>> = {
  OUTBOUND_CONTACTS: { target: 'list', meaning: 'People to call, with their do-not-call flags' },
  CONTACTS: { target: 'book', meaning: 'Creates and updates contacts of an address book' },
  RECORDS: { target: 'list', meaning: 'Contacts with their consent' },
  ATTRIBUTES: { target: 'list', meaning: 'Enriches contacts that are on a list' },
  SEGMENT_MEMBERS: { target: null, meaning: 'Each row names a contact and a segment' },
};

const DUPLICATES: Readonly<Record<DuplicatePolicy, string>> = {
  SKIP: 'Leave it as it is',
  UPDATE: 'Update it',
  FAIL: 'Report it as failed',
};

const ENCODINGS: Readonly<Record<TextEncoding, string>> = {
  UTF_8: 'UTF-8',
  WINDOWS_1252: 'Windows-1252',
  ISO_8859_1: 'ISO-8859-1',
};

/** What the gateway is asked for. */
export function toInput(form: ImportForm): CreateImportUploadInput {
  const { kind, format, targetId, campaign, onDuplicate, encoding, defaultCountry, validateOnly } = form;
  return {
    kind,
    format,
    ...(KINDS[kind].target !== null && { targetId }),
    ...(kind === 'ATTRIBUTES' &&
      campaign !== '' && { campaignId: `gid://cxone/Campaign/${encodeURIComponent(campaign)}` }),
    options: {
      encoding,
      validateOnly,
      ...(onDuplicate !== '' && { onDuplicate }),
      ...(defaultCountry !== '' && { defaultCountry: defaultCountry.toUpperCase() }),
    },
  };
}

export function ImportFormFields(props: {
  form: ImportForm;
  places: ImportPlacesQuery | undefined;
  /** Whether they could not be read. */
  isUnread: boolean;
  onChange: (form: ImportForm) => void;
}) {
  const { form, places, isUnread, onChange } = props;
  const change = (part: Partial<ImportForm>) => onChange({ ...form, ...part });
  const { target, meaning } = KINDS[form.kind];
  return (
    <>
      <Choice
        label="What the rows are"
        hint={meaning}
        value={form.kind}
        options={KIND_NAMES}
        onChoose={(kind) => change({ kind, targetId: '' })}
      />
      {target && (
        <label class="field">
          <span>{target === 'list' ? 'Contact list' : 'Address book'}</span>
          <select required value={form.targetId} onChange={(event) => change({ targetId: event.currentTarget.value })}>
            <option value="" disabled selected={form.targetId === ''}>
              {places ? 'Choose one…' : isUnread ? 'Could not be read' : 'Reading…'}
            </option>
            {target === 'list'
              ? places?.contactLists.nodes.map(({ id, name, totalContactCount }) => (
                  <option key={id} value={id}>
                    {name ?? id}
                    {totalContactCount !== null && ` (${counted(totalContactCount, 'contact')})`}
                  </option>
                ))
              : places?.addressBooks.nodes.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
          </select>
        </label>
      )}
      {form.kind === 'ATTRIBUTES' && (
        <Text
          label="Campaign id (optional)"
          hint="Bounds how many contacts one call may enrich"
          value={form.campaign}
          onText={(campaign) => change({ campaign })}
        />
      )}
      <details>
        <summary>How to read it</summary>
        <Choice
          label="Format"
          value={form.format}
          options={{ CSV: 'CSV', NDJSON: 'NDJSON (one JSON object a line)' }}
          onChoose={(format) => change({ format })}
        />
        <Choice
          label="Encoding"
          value={form.encoding}
          options={ENCODINGS}
          onChoose={(encoding) => change({ encoding })}
        />
        <Choice
          label="What is already there"
          value={form.onDuplicate}
          options={{ '': 'As usual for this kind', ...DUPLICATES }}
          onChoose={(onDuplicate) => change({ onDuplicate })}
        />
        <Text
          label="Default country"
          hint="For phone numbers without a country code, such as US; without it they are rejected"
          value={form.defaultCountry}
          pattern="[A-Za-z]{2}"
          onText={(defaultCountry) => change({ defaultCountry })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={form.validateOnly}
            onChange={(event) => change({ validateOnly: event.currentTarget.checked })}
          />
          Only check the rows, send nothing
        </label>
      </details>
    </>
  );
}

function Choice<Value extends string>(props: {
  label: string;
  hint?: string;
  value: Value;
  options: Readonly<Record<Value, string>>;
  onChoose: (value: Value) => void;
}) {
  const { label, hint, value, options, onChoose } = props;
  const values = Object.keys(options) as Value[]; // Object.keys forgets what the keys are.
  return (
    <label class="field">
      <span>{label}</span>
      <select
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = values.find((each) => each === currentTarget.value);
          if (chosen !== undefined) onChoose(chosen);
        }}
      >
        {values.map((each) => (
          <option key={each} value={each}>
            {options[each]}
          </option>
        ))}
      </select>
      {hint && <small>{hint}</small>}
    </label>
  );
}

function Text(props: { label: string; hint: string; value: string; pattern?: string; onText: (text: string) => void }) {
  const { label, hint, value, pattern, onText } = props;
  return (
    <label class="field">
      <span>{label}</span>
      <input value={value} pattern={pattern} onInput={(event) => onText(event.currentTarget.value.trim())} />
      <small>{hint}</small>
    </label>
  );
}
