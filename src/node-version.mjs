/** Which Node this is, and where a new enough one is: for what starts before anything else can. Runs on any Node. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The first that runs TypeScript without a flag or a warning. The same as `engines` in package.json. */
const OLDEST_MAJOR = 24;

export function isRecentNode() {
  return Number.parseInt(process.versions.node, 10) >= OLDEST_MAJOR;
}

/** The Node that `npm ci` installs beside the gateway, where there is one for this platform; else null. */
export function pinnedNode() {
  const name = process.platform === 'win32' ? 'node.cmd' : 'node';
  const path = fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
  return existsSync(path) ? path : null;
}

/** Says what is missing and what to do about it, and makes the process end with a failure. */
export function tellToInstallNode() {
  console.error(
    `This is Node ${process.versions.node}; the gateway needs Node ${OLDEST_MAJOR} or newer.\n` +
      'Run npm ci, which installs one beside the gateway on Linux and Windows (x64), or install one from https://nodejs.org.',
  );
  process.exitCode = 1;
}
