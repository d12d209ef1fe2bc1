/** A real browser on the dashboard: found where it is installed, started fresh, and listened to for everything it complains of. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { describe } from 'vitest';
import { BUILT_PAGE, buildDashboard } from '../../src/dashboard/build.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PLACES = [
  ...(process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))),
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
const executablePath = PLACES.find((place) => existsSync(place));

/** Where there is no browser, its tests are skipped, and say so; on a build server they fail instead. */
export const describeInBrowser = executablePath !== undefined || process.env.CI ? describe : describe.skip;
if (executablePath === undefined)
  console.warn('No Chromium is installed: the tests of the dashboard in a browser are skipped.');

export interface TestBrowser extends AsyncDisposable {
  /** Opens a page in a context of its own. */
  open(url: string, options?: BrowserContextOptions): Promise<WatchedPage>;
}

export interface WatchedPage {
  readonly page: Page;
  /** Console errors and warnings, uncaught errors, and requests to any other host. */
  readonly complaints: readonly string[];
}

export async function startBrowser(): Promise<TestBrowser> {
  if (executablePath === undefined) throw new Error('No Chromium is installed, and tests on a build server need one.');
  if (isOutdated()) await buildDashboard();
  const browser = await chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    open: (url, options) => openPage(browser, url, options),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  const { host } = new URL(url);
  const check = (address: string) => {
    // What a page made itself, a worker's script for one, has the address of its maker behind `blob:`.
    const asked = new URL(address.replace(/^blob:/, ''));
    if (asked.host !== host) complaints.push(`a request to ${address}`);
  };
  page.on('request', (request) => check(request.url()));
  page.on('websocket', (socket) => check(socket.url()));
  await page.goto(url);
  return { page, complaints };
}

/** Whether what the page is made of is newer than the built page. */
function isOutdated(): boolean {
  const built = join(BUILT_PAGE, 'index.html');
  if (!existsSync(built)) return true;
  const builtAt = statSync(built).mtimeMs;
  return ['../../src/dashboard', '../../src/client'].some((folder) => {
    const root = resolve(import.meta.dirname, folder);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => !file.startsWith('dist'));
    return files.some((file) => statSync(join(root, file)).mtimeMs > builtAt);
  });
}

/** Drops a file on the page, as a person does with a mouse. */
export const dropFile = (page: Page, name: string, content: string | Buffer): Promise<void> =>
  dropFiles(page, { [name]: content });

/** Drops several files on the page, together. */
export async function dropFiles(page: Page, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const items = Object.entries(files).map(([name, content]) => ({ name, bytes: [...Buffer.from(content)] }));
  // As text: what runs in the page knows types that tests do not.
  const dataTransfer = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    for (const { name, bytes } of ${JSON.stringify(items)})
      transfer.items.add(new File([new Uint8Array(bytes)], name, { type: 'text/csv' }));
    return transfer;
  })()`);
  await page.dispatchEvent('main', 'dragover', { dataTransfer });
  await page.dispatchEvent('main', 'drop', { dataTransfer });
}
