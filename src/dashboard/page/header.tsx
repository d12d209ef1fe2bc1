/** The page's head: what this is, and whether what it shows is live. */

import { timeOfDay } from './format.ts';
import type { Connection } from './gateway.ts';
import type { Status } from './use-status.ts';

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M7 10h5l4 6 4-6h5M7 22h5l4-6 4 6h5" />
    </svg>
  );
}

export function Header(props: { connection: Connection; status: Status | null; onSignOut: (() => void) | null }) {
  const { connection, status, onSignOut } = props;
  return (
    <header class="top">
      <div class="brand">
        <Logo />
        <h1>CXone gateway</h1>
        {status?.sandbox && (
          <span class="chip" title="No CXone credentials are configured: the built-in sandbox stands in.">
            Sandbox
          </span>
        )}
      </div>
      <div class="top-end">
        <Liveness connection={connection} />
        {/* Elsewhere its operator may have turned it off. */}
        {status?.sandbox && <a href="graphql">GraphiQL</a>}
        {onSignOut && (
          <button type="button" class="plain" onClick={onSignOut}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function Liveness({ connection }: { connection: Connection }) {
  return (
    <span class={`liveness ${connection.state}`} role="status">
      <span class="dot" aria-hidden="true" />
      {connection.state === 'live' && 'Live'}
      {connection.state === 'connecting' && 'Connecting…'}
      {connection.state === 'lost' && `Not live: reconnecting. As of ${timeOfDay(connection.since)}`}
    </span>
  );
}
