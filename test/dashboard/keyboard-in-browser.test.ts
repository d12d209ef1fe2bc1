import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { outboundRow, startImport } from '../support/imports.ts';
import { describeInBrowser, startBrowser, type TestBrowser } from './browser.ts';

const OUTBOUND_WRITES = { method: 'POST', path: '/api/v2/outbound/contactlists/*/contacts' };

describeInBrowser('the dashboard by keyboard alone, in a browser', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  const expectFocus = (page: Page, text: RegExp) =>
    expect.poll(() => page.evaluate<string>('document.activeElement.textContent')).toMatch(text);

  test('whoever steers an import keeps their place, whatever becomes of the button they pressed', async () => {
    await using gateway = await startGateway();
    const hold = gateway.sandbox.control.hold(OUTBOUND_WRITES);
    await startImport(gateway, [outboundRow(1)]);
    const { page } = await browser.open(gateway.url);
    const card = page.getByRole('article', { name: /Import trial/ });
    await card.getByRole('button', { name: /^Pause/ }).focus();
    await page.keyboard.press('Enter');
    await expectFocus(page, /^Resume/);
    await page.keyboard.press('Enter');
    await expectFocus(page, /^Pause/);

    await card.getByRole('button', { name: /^Cancel…/ }).focus();
    await page.keyboard.press('Enter');
    await expectFocus(page, /^Keep it/);
    expect(await card.getByRole('group', { name: 'What was sent stays sent.' }).isVisible()).toBe(true);
    await page.keyboard.press('Enter');
    await expectFocus(page, /^Cancel…/);
    await page.keyboard.press('Enter');
    await expectFocus(page, /^Keep it/);
    await page.keyboard.press('Shift+Tab');
    await expectFocus(page, /^Cancel it/);
    await page.keyboard.press('Enter');
    await card.getByText('Cancelled', { exact: true }).waitFor();
    await expectFocus(page, /^Details/);
    hold.release();
  });

  test('the focus stays in the dialog while a file is sent, and returns to where it was', async () => {
    await using gateway = await startGateway();
    await startImport(gateway, [outboundRow(1)]);
    const { page } = await browser.open(gateway.url);
    await page.getByRole('article').first().waitFor();
    const importing = page.getByRole('button', { name: 'Import a file…' });
    const choosing = page.waitForEvent('filechooser');
    await importing.focus();
    await page.keyboard.press('Enter');
    const row = 'externalId,phone,doNotCall,doNotEmail\nCRM-9,+14155550009,false,false\n';
    await (await choosing).setFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(row) });
    const dialog = page.getByRole('dialog');
    const list = dialog.getByLabel('Contact list');
    await list.locator('option', { hasText: 'Win back' }).waitFor({ state: 'attached' });
    await list.focus();
    await page.keyboard.type('Win');

    let answer = () => {};
    const isAnswered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/uploads/**', async (route) => {
      await isAnswered;
      await route.continue();
    });
    await dialog.getByRole('button', { name: 'Start import' }).focus();
    await page.keyboard.press('Enter');
    await dialog.getByRole('progressbar').waitFor();
    await expectFocus(page, /^Start import/);
    // Once is enough.
    await page.keyboard.press('Enter');
    answer();
    await dialog.waitFor({ state: 'detached' });
    await expectFocus(page, /^Import a file…/);
    await page
      .getByRole('article', { name: /Win back/ })
      .getByText('1 succeeded')
      .waitFor();
    expect(await page.getByRole('article').count()).toBe(2);
  });
});
