/** The process: reads the configuration, starts the app, says where it is, and drains on SIGTERM or SIGINT. */
import { createApp } from './app.ts';
import { ConfigError, readConfig } from './config.ts';
import { createLog } from './telemetry/log.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel });
  const app = await createApp({ config, log });
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

  let stopping = false;
  const stop = async () => {
    // A second signal is somebody who does not want to wait.
    if (stopping) process.exit(1);
    stopping = true;
    const clean = await app.stop();
    process.exit(clean ? 0 : 1);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : startFailure(error)}\n`);
  process.exit(1);
});

function startFailure(error: unknown): string {
  return `The gateway could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
