/** The way to the rows that did not get in. Its link ends after a week, and a page may stay open for longer: it asks for a new one. */
import type { TargetedMouseEvent } from 'preact';
import { useClient } from 'urql';
import { ImportOutcomeDocument } from '../../client/generated/graphql.ts';
import { ownLink } from './format.ts';
import { messageOf, typed } from './gateway.ts';
import type { ShownImport } from './use-imports.ts';

export function RejectionsLink(props: {
  shown: ShownImport;
  label: string;
  /** Hears why there is nothing to download, and null once there is. */
  onProblem: (message: string | null) => void;
}) {
  const { shown, label, onProblem } = props;
  const client = useClient();
  const follow = async (event: TargetedMouseEvent<HTMLAnchorElement>) => {
    event.preventDefault();
    const { data, error } = await client.query(typed(ImportOutcomeDocument), { id: shown.id }).toPromise();
    if (error) return onProblem(messageOf(error));
    if (!data?.import) return onProblem('This import is no longer kept.');
    onProblem(null);
    const fresh = document.createElement('a');
    fresh.href = ownLink(data.import.rejectionsUrl);
    fresh.download = '';
    fresh.click();
  };
  return (
    <a class="button" href={ownLink(shown.rejectionsUrl)} download onClick={(event) => void follow(event)}>
      Rows to mend (CSV)<span class="visually-hidden"> of {label}</span>
    </a>
  );
}
