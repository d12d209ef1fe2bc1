/** Asks for an API key where the gateway wants one. */
import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import { Logo } from './header.tsx';

export function SignIn(props: { message: string; wasRefused: boolean; onKey: (key: string) => void }) {
  const [key, setKey] = useState('');
  const submit = (event: TargetedSubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (key.trim() !== '') props.onKey(key.trim());
  };
  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <Logo />
        <h1>Sign in to the gateway</h1>
        <p class="quiet">
          With an API key that its operator gave you (<code>GATEWAY_API_KEYS</code>). It is kept in this tab only.
        </p>
        {props.wasRefused && (
          <p class="alert" role="alert">
            {props.message === '' ? 'This key is not known here.' : props.message}
          </p>
        )}
        <label class="field">
          <span>API key</span>
          <input
            type="password"
            autocomplete="current-password"
            required
            autofocus
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
