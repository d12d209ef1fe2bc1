/**
 * After an installation: starts the gateway once, so that Node keeps what it made of the source (bin.mjs) and already the
 * next start is quick. It also takes less memory: what turns TypeScript into JavaScript stays with a process that needed it,
 * some 30 MB. Plain JavaScript, and never a failure: without it, the first start does the same for the second.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRecentNode, pinnedNode } from '../node-version.mjs';

const LIMIT_MS = 30_000;

const node = isRecentNode() ? process.execPath : pinnedNode();
if (node) {
  await startOnce(node).catch((error) => console.error('The gateway was not compiled ahead; it works without.', error));
}

/** Node's options of `npm start`: what was compiled is of use only where V8 has the same. */
async function startOptions() {
  const { scripts } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}

/** With the sandbox, an empty database and nothing of this environment: whatever that configures is not to be touched. */
async function startOnce(node) {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const folder = await mkdtemp(join(tmpdir(), 'cxone-gateway-'));
  try {
    const program = fileURLToPath(new URL('bin.mjs', import.meta.url));
    const gateway = spawn(node, [...(await startOptions()), program, 'serve'], {
      env: {
        PORT: '0',
        LOG_LEVEL: 'silent',
        DATABASE_URL: `file:${join(folder, 'gateway.db')}`,
        ...(PATH !== undefined && { PATH }),
        ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
      },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: LIMIT_MS,
    });
    // It says where it is when it has started. What was compiled is written when it ends by itself.
    gateway.stdout.once('data', () => gateway.kill('SIGTERM'));
    await once(gateway, 'close');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
