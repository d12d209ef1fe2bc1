/** The command line's process: hands arguments, environment and terminal to the command, and ends with its code. */
import { systemClock } from '../clock.ts';
import { runCommand } from './run-command.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());
process.once('SIGTERM', () => interrupted.abort());
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
// The clock's waits keep no process alive, and between two attempts to connect there is nothing else that does.
const alive = setInterval(() => {}, 60_000);

process.exitCode = await runCommand(process.argv.slice(2), {
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
  clock: systemClock,
  random: Math.random,
});
clearInterval(alive);
