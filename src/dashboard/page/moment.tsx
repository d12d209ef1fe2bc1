/** A time as the page shows it; the whole of it, with its time zone, for whoever points at it. */
import { moment, timeInFull } from './format.ts';

export function Moment({ of }: { of: string }) {
  return (
    <time dateTime={of} title={timeInFull(of)}>
      {moment(of)}
    </time>
  );
}
