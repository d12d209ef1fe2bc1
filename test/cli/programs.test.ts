import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = resolve(import.meta.dirname, '../..');

describe('the programs that the package starts', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'programs-'));
  });
  afterEach(async () => {
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true });
  });

  /** Starts one and gives the first address it prints. */
  async function start(args: readonly string[], env: Record<string, string>, program = process.execPath) {
    const started = spawn(program, args, {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    for await (const line of createInterface(started.stdout)) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (url) {
        started.stdout.resume();
        return url;
      }
    }
    throw new Error(`${args.join(' ')} ended without saying where it is`);
  }

  async function stop(): Promise<number | null> {
    const exited = once(child ?? expect.fail('nothing was started'), 'exit');
    child?.kill('SIGTERM');
    const [code] = await exited;
    return code;
  }

  const gatewayEnv = () => ({ PORT: '0', LOG_LEVEL: 'warn', DATABASE_URL: `file:${join(folder, 'gateway.db')}` });

  test('serve runs the gateway with its dashboard, and ends cleanly', async () => {
    const url = await start(['src/cli/bin.mjs', 'serve'], gatewayEnv());
    expect(await (await fetch(url)).text()).toContain('<title>CXone gateway</title>');
    expect(await stop()).toBe(0);
  });

  test('what is compiled is kept for the next start, where only the owner of the dependencies may write', () => {
    const tell = `import module from 'node:module'; process.on('exit', () => console.error(module.getCompileCacheDir()))`;
    const { stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, 'src/cli/bin.mjs', '--help'],
      { cwd: ROOT, encoding: 'utf8', env: { PATH: process.env.PATH } },
    );
    expect(stderr).toContain(join(ROOT, 'node_modules/.cache/compiled'));
  });

  test('what an installation compiles ahead is all that the first start needs', async () => {
    const kept = { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(folder, 'compiled') };
    const { status } = spawnSync(process.execPath, ['src/cli/prepare.mjs'], { cwd: ROOT, env: kept });
    expect(status).toBe(0);
    const [, ...npmStart] = packageJson.scripts.start.split(' ');
    const gateway = spawn(process.execPath, npmStart, {
      cwd: ROOT,
      env: { ...kept, ...gatewayEnv(), NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = gateway;
    let said = '';
    gateway.stderr.on('data', (text) => {
      said += text;
    });
    await once(gateway.stdout, 'data');
    expect(await stop()).toBe(0);
    expect(said).toMatch(/reading cache .* for StrippedTypeScript .*main\.ts\.\.\..* success/);
    expect(said).not.toContain('no transpile cache');
  });

  test('npm start ends with npm: a signal to it reaches the gateway', async () => {
    const url = await start(['start'], gatewayEnv(), 'npm');
    const exited = once(child ?? expect.fail('nothing was started'), 'exit');
    child?.kill('SIGTERM');
    await exited;
    await expect
      .poll(
        () =>
          fetch(url).then(
            () => 'answers',
            () => 'gone',
          ),
        { timeout: 60_000 },
      )
      .toBe('gone');
  });

  test('sandbox runs the sandbox alone, and ends cleanly', async () => {
    const url = await start(['src/cli/bin.mjs', 'sandbox'], { SANDBOX_PORT: '0' });
    expect((await fetch(`${url}/_sandbox`)).status).toBe(200);
    expect(await stop()).toBe(0);
  });

  test('npm run build makes one that needs no type stripping', async () => {
    const built = spawnSync('npm', ['run', 'build'], { cwd: ROOT, encoding: 'utf8' });
    expect(built.status, `${built.stdout}${built.stderr}`).toBe(0);
    const url = await start(['--no-strip-types', 'dist/src/main.js'], gatewayEnv());
    expect(await (await fetch(url)).text()).toContain('<title>CXone gateway</title>');
    expect(await stop()).toBe(0);
  });
});
