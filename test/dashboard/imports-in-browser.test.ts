import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { finished, LIST, outboundRow, startImport } from '../support/imports.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { describeInBrowser, dropFile, dropFiles, startBrowser, type TestBrowser } from './browser.ts';

const OUTBOUND_WRITES = { method: 'POST', path: '/api/v2/outbound/contactlists/*/contacts' };

describeInBrowser('imports on the dashboard, in a browser', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  const rows = (count: number) => Array.from({ length: count }, (_, index) => outboundRow(index));

  function csv(count: number, extra = ''): string {
    const header = 'externalId,firstName,lastName,phone,email,doNotCall,doNotEmail';
    return [header, ...rows(count).map((row) => Object.values(row).join(',')), extra].join('\n');
  }

  test('a file that is dropped on the page is imported, its progress seen and its rejected rows downloaded', async () => {
    await using gateway = await startGateway();
    const { page, complaints } = await browser.open(gateway.url);
    await page.getByRole('heading', { name: 'Drop a file here to import it' }).waitFor();
    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);

    await dropFile(page, 'contacts.csv', csv(1500, 'CRM-x,Eve,Example,not a number,,false,false'));
    const dialog = page.getByRole('dialog', { name: 'Import contacts.csv' });
    await dialog.getByLabel('Contact list').selectOption({ value: LIST });
    await dialog.getByRole('button', { name: 'Start import' }).click();
    await dialog.waitFor({ state: 'hidden' });

    const card = page.getByRole('article', { name: /Outbound contacts → Import trial/ });
    await card.getByText('Running', { exact: true }).waitFor();
    await card.getByText('1,500 to go').waitFor();
    await card.getByText('1 rejected').waitFor();
    hold.release();
    await card.getByText('Completed', { exact: true }).waitFor();
    await card.getByText('1,500 succeeded').waitFor();
    expect(await card.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('100');

    const downloading = page.waitForEvent('download');
    await card.getByRole('link', { name: /Rows to mend/ }).click();
    const text = await readFile(await (await downloading).path(), 'utf8');
    expect(text).toContain('CRM-x');
    expect(text).not.toContain('CRM-7');

    await card.getByRole('button', { name: /^Details/ }).click();
    await card.getByText(/^Why 1 row was left out/).waitFor();
    await card.getByText('Verified: the list’s own count went from 0 to 1,500, as it should.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('an upload that breaks is tried again as the same import, and given up with the dialog', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url);
    const cards = page.getByRole('article');
    let cuts = 1;
    await page.route('**/uploads/**', (route) => {
      cuts -= 1;
      return cuts < 0 ? route.continue() : route.abort('connectionreset');
    });
    const dialog = page.getByRole('dialog');
    const begin = async () => {
      await dialog.getByRole('button', { name: 'Start import' }).click();
      return dialog.getByRole('alert').getByText('The upload broke. Nothing was imported: try again.');
    };
    await dropFile(page, 'contacts.csv', csv(2));
    await dialog.getByLabel('Contact list').selectOption({ value: LIST });
    await (await begin()).waitFor();
    await begin();
    await dialog.waitFor({ state: 'detached' });
    await cards.getByText('2 succeeded').waitFor();
    expect(await cards.count()).toBe(1);

    cuts = 1;
    await dropFile(page, 'contacts.csv', csv(3));
    await dialog.getByLabel('Contact list').selectOption({ value: LIST });
    await (await begin()).waitFor();
    await page.keyboard.press('Escape');
    await cards.getByText('Cancelled', { exact: true }).waitFor();
    expect(await cards.count()).toBe(2);
  });

  test('of files that are dropped together none is forgotten', async () => {
    await using gateway = await startGateway();
    const { page, complaints } = await browser.open(gateway.url);
    await dropFiles(page, { 'first.csv': csv(2), 'second.csv': csv(3) });
    const first = page.getByRole('dialog', { name: 'Import first.csv' });
    await first.getByText('then 1 other file').waitFor();
    await first.getByLabel('Contact list').selectOption({ value: LIST });
    await first.getByRole('button', { name: 'Start import' }).click();
    const second = page.getByRole('dialog', { name: 'Import second.csv' });
    await second.getByRole('button', { name: 'Not now' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page
      .getByRole('article', { name: /Import trial/ })
      .getByText('2 succeeded')
      .waitFor();
    expect(complaints).toEqual([]);
  });

  test('a folder, or a file that is gone, is told as one that cannot be read', async () => {
    await using gateway = await startGateway();
    const { page, complaints } = await browser.open(gateway.url);
    // What a browser says of a folder that was dropped.
    await page.evaluate(`Blob.prototype.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotFoundError'))`);
    await dropFile(page, 'folder', '');
    await page.getByRole('dialog').getByRole('alert').getByText('This cannot be read.').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a file that is packed with gzip is imported as it is, and its kind known all the same', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url);
    const rows = Array.from({ length: 2000 }, (_, index) => `customer-${index},${DEMO_IDS.segments.vip}`);
    await dropFile(page, 'members.csv.gz', gzipSync(['contactId,segmentId', ...rows].join('\n')));
    const dialog = page.getByRole('dialog', { name: 'Import members.csv.gz' });
    await dialog.getByText('Each row names a contact and a segment').waitFor();
    await dialog.getByRole('button', { name: 'Start import' }).click();
    const card = page.getByRole('article', { name: /Segment members/ });
    await card.getByText(/^2,000 rows/).waitFor();
  });

  test('a page whose connection broke says so, and shows what it missed when it is back', async () => {
    await using gateway = await startGateway();
    const { hostname, port } = new URL(gateway.url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const first = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    const watched = await startImport(gateway, rows(10));
    const { page } = await browser.open(`http://127.0.0.1:${proxy.port}`);
    await page.getByText('Live', { exact: true }).waitFor();
    const card = page.getByRole('article', { name: /Import trial/ });
    await card.getByText('Running', { exact: true }).waitFor();

    await proxy.cut();
    await page.getByText(/^Not live: reconnecting/).waitFor();
    first.release();
    await finished(gateway, watched);
    expect(await card.getByText('Running', { exact: true }).isVisible()).toBe(true);

    await proxy.mend();
    await page.getByText('Live', { exact: true }).waitFor();
    await card.getByText('Completed', { exact: true }).waitFor();
    // And it goes on hearing what happens from then on.
    await startImport(gateway, rows(3), { targetId: 'gid://cxone/ContactList/list-winback' });
    await page
      .getByRole('article', { name: /Win back/ })
      .getByText('3 succeeded')
      .waitFor();
  });

  test('the rows to mend can be had after their link has ended, and where the gateway is away that is said', async () => {
    let laterMs = 0;
    await using gateway = await startGateway({ clock: { ...systemClock, now: () => systemClock.now() + laterMs } });
    const { hostname, port } = new URL(gateway.url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    await finished(gateway, await startImport(gateway, [outboundRow(1), { externalId: 'CRM-x' }]));
    const { page } = await browser.open(`http://127.0.0.1:${proxy.port}`);
    const link = page.getByRole('link', { name: /^Rows to mend/ });
    const shownLink = `http://127.0.0.1:${proxy.port}${await link.getAttribute('href')}`;
    // Links to rejected rows last a week.
    laterMs = 8 * 24 * 3_600_000;
    expect((await fetch(shownLink)).status).toBe(410);
    const downloading = page.waitForEvent('download');
    await link.click();
    expect(await readFile(await (await downloading).path(), 'utf8')).toContain('CRM-x');

    await proxy.cut();
    await link.click();
    await page.getByRole('alert').getByText('The gateway does not answer.').waitFor();
  });

  test('a dialog that was opened while the gateway was away is of use when it is back', async () => {
    await using gateway = await startGateway();
    const { hostname, port } = new URL(gateway.url);
    await using proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const { page } = await browser.open(`http://127.0.0.1:${proxy.port}`);
    await page.getByText('Live', { exact: true }).waitFor();
    await proxy.cut();
    await page.getByText(/^Not live/).waitFor();
    await dropFile(page, 'contacts.csv', csv(1));
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('alert').getByText('The gateway does not answer.').waitFor();
    expect(await dialog.getByLabel('Contact list').inputValue()).toBe('');
    await dialog.locator('option:checked', { hasText: 'Could not be read' }).waitFor({ state: 'attached' });
    await proxy.mend();
    await dialog.getByLabel('Contact list').selectOption({ value: LIST });
    await dialog.getByRole('alert').waitFor({ state: 'detached' });
  });

  test('an import is paused, resumed, cancelled, and its failed rows sent again with a click', async () => {
    await using gateway = await startGateway();
    const { page, complaints } = await browser.open(gateway.url);
    const card = page.getByRole('article', { name: /Import trial/ });
    const state = (name: string) => card.getByText(name, { exact: true }).waitFor();
    const click = (name: RegExp) => card.getByRole('button', { name }).click();

    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    await startImport(gateway, rows(10));
    await state('Running');
    await click(/^Pause/);
    await state('Paused');
    await click(/^Resume/);
    await state('Running');
    await click(/^Cancel…/);
    await click(/^Cancel it/);
    await state('Cancelled');
    hold.release();
    await page.reload();

    gateway.sandbox.control.fail({
      ...OUTBOUND_WRITES,
      times: 1,
      refuse: { keys: ['CRM-900'], code: 'INVALID', message: 'refused for this test' },
    });
    await startImport(gateway, [outboundRow(900)], { targetId: 'gid://cxone/ContactList/list-winback' });
    const other = page.getByRole('article', { name: /Win back/ });
    await other.getByText('1 failed').waitFor();
    await other.getByRole('button', { name: /^Details/ }).click();
    await other.getByText('refused for this test').first().waitFor();
    await other.getByRole('button', { name: /^Send failed rows again/ }).click();
    await other.getByText('1 succeeded').waitFor();
    expect(complaints).toEqual([]);
  });

  test('what is wrong with a file is said in the dialog', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url);
    await dropFile(page, 'contacts.csv', 'externalId,externalId\n1,2\n');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Contact list').selectOption({ value: LIST });
    await dialog.getByRole('button', { name: 'Start import' }).click();
    await dialog
      .getByRole('alert')
      .getByText(/externalId|column/i)
      .waitFor();
    // What was unfolded stays so: the field that is refused is there to be mended.
    await dialog.getByText('How to read it').click();
    await dialog.getByLabel('Default country').fill('qq');
    await dialog.getByRole('button', { name: 'Start import' }).click();
    await dialog.getByRole('alert').getByText('options.defaultCountry: This is not').waitFor();
    expect(await dialog.getByLabel('Default country').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });
});
