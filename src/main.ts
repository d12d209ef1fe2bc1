/** The process: reads the configuration, starts the app, says where it is, and drains on SIGTERM or SIGINT. */
import { type App, createApp } from './app.ts';
import { readConfig } from './config.ts';
import { startFailure } from './start-failure.ts';
import { createLog } from './telemetry/log.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel });
  let app: App | undefined;
  let stopping = false;
  const stop = async () => {
    // A second signal is somebody who does not want to wait; and before it has started, there is nothing to finish.
    if (stopping || !app) process.exit(1);
    stopping = true;
    const clean = await app.stop();
    process.exit(clean ? 0 : 1);
  };
  // From the beginning: a process that is the first of its container is not ended by a signal that it does not handle.
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  // While it waits for its database nothing else may keep the process alive.
  const alive = setInterval(() => {}, 60_000);
  app = await createApp({ config, log });
  clearInterval(alive);
  const base = config.publicUrl ?? app.url;
  // Meant for the person who started it; the log is for machines.
  process.stdout.write(
    [
      '',
      `  GraphQL    ${base}/graphql   (GraphiQL in a browser; SSE and WebSocket for subscriptions)`,
      `  Dashboard  ${base}/`,
      `  CXone      ${app.sandboxUrl ? `built-in sandbox at ${app.sandboxUrl}` : 'as configured'}`,
      ...(config.openToEveryone ? ['  Access     OPEN TO EVERYONE who can reach this address'] : []),
      '',
      '',
    ].join('\n'),
  );
  if (config.openToEveryone && config.cxone)
    log.warn({}, 'GATEWAY_AUTH=none: everyone who can reach this address may read and change what is in CXone');
}

main().catch((error: unknown) => {
  process.stderr.write(`${startFailure(error)}\n`);
  process.exit(1);
});
