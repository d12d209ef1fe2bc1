/** Who is there and how the gateway is reached; what is shown is in dashboard.tsx. */
import { useEffect, useState } from 'preact/hooks';
import { Provider } from 'urql';
import { Dashboard } from './dashboard.tsx';
import { type Connection, createGateway, type Gateway, GatewayProvider } from './gateway.ts';
import { SignIn } from './sign-in.tsx';

/** For as long as this tab is open. */
const KEY_NAME = 'gateway-api-key';

export function App() {
  const [apiKey, setApiKey] = useState(() => sessionStorage.getItem(KEY_NAME));
  const [gateway, setGateway] = useState<Gateway | null>(null);
  const [connection, setConnection] = useState<Connection>({ state: 'connecting' });
  const [refusal, setRefusal] = useState<string | null>(null);

  useEffect(() => {
    setConnection({ state: 'connecting' });
    const made = createGateway({ apiKey, onConnection: setConnection, onUnauthenticated: setRefusal });
    setGateway(made);
    return () => made.dispose();
  }, [apiKey]);

  function signIn(key: string | null) {
    if (key === null) sessionStorage.removeItem(KEY_NAME);
    else sessionStorage.setItem(KEY_NAME, key);
    setRefusal(null);
    setGateway(null);
    setApiKey(key);
  }

  if (refusal !== null) return <SignIn message={refusal} wasRefused={apiKey !== null} onKey={signIn} />;
  if (gateway === null) return null;
  return (
    <GatewayProvider value={gateway}>
      <Provider value={gateway.client}>
        <Dashboard connection={connection} onSignOut={apiKey === null ? null : () => signIn(null)} />
      </Provider>
    </GatewayProvider>
  );
}
