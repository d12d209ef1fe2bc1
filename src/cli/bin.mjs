#!/usr/bin/env node
/**
 * The command's entry. Plain JavaScript, so that an older Node can read it: the rest needs Node 24, which runs
 * TypeScript as it is. An older one hands over to the Node that is installed beside the gateway.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { isRecentNode, pinnedNode, tellToInstallNode } from '../node-version.mjs';

/** These are processes of their own, configured by the environment alone. */
const PROGRAMS = new Map([
  ['serve', '../main.ts'],
  ['sandbox', '../sandbox/main.ts'],
]);

const PARENT_CHECK_MS = 500;

/**
 * What Node made of the source is kept here when a process ends, which halves the next start. Beside the dependencies:
 * whoever may write here may change those as well. Where nobody may, it is done anew each time.
 */
const DEPENDENCIES = new URL('../../node_modules/', import.meta.url);

const [name = '', ...rest] = process.argv.slice(2);
const node = isRecentNode() ? null : pinnedNode();

if (process.env.npm_lifecycle_event) endWithParent();
if (isRecentNode() && existsSync(DEPENDENCIES)) {
  module.enableCompileCache(fileURLToPath(new URL('.cache/compiled', DEPENDENCIES)));
}
if (isRecentNode()) await import((rest.length === 0 && PROGRAMS.get(name)) || './main.ts');
else if (node) handOver(node);
else tellToInstallNode();

/**
 * npm passes a SIGTERM on to the shell it runs scripts in, which dies of it and leaves its child behind: that its parent
 * is gone is all a script gets to know.
 */
function endWithParent() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_CHECK_MS);
  watch.unref();
}

function handOver(node) {
  // How it is to use memory was meant for the one that works; other options may be about this Node.
  const memory = process.execArgv.filter((option) =>
    /^--(max-[a-z-]+-size=\d+|no-allocation-site-pretenuring)$/.test(option),
  );
  const child = spawn(node, [...memory, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // A terminal sends Ctrl-C to both already; other signals are meant for the one that works.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
