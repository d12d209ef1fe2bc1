import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import { describeInBrowser, dropFile, startBrowser, type TestBrowser } from './browser.ts';

const LIST = `gid://cxone/ContactList/${DEMO_IDS.contactLists.summerOutreach}`;
const PHONE = { viewport: { width: 360, height: 740 } };

describeInBrowser('the dashboard in a browser', () => {
  let browser: TestBrowser;
  let axe: string;
  beforeAll(async () => {
    browser = await startBrowser();
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe);
    const result = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
      `axe.run(document, { resultTypes: ['violations'] })`,
    );
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  test('an enrichment appears when CXone tells of it', async () => {
    await using gateway = await startGateway();
    const { page, complaints } = await browser.open(gateway.url);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Register the webhook' }).click();
    await page.getByText(/^Registered: CXone delivers to/).waitFor();
    await gateway.data(
      `mutation ($input: EnrichContactInput!) { enrichContact(input: $input) { ... on EnrichContactPayload { sent } } }`,
      { input: { contactListId: LIST, contactId: 'customer-0001', attributes: { loyalty_tier: 'gold' } } },
    );
    const event = page.getByRole('listitem').filter({ hasText: 'customer-0001' });
    await event.getByText('enriched on Summer outreach').waitFor();
    expect(await event.getByRole('term').textContent()).toBe('loyalty_tier');
    expect(await event.getByRole('definition').textContent()).toBe('gold');
    expect(complaints).toEqual([]);
  });

  /** In the light, in the dark, and on a phone. */
  async function violationsAnywhere(page: Page): Promise<string[]> {
    const found = await violations(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    found.push(...(await violations(page)).map((each) => `in the dark: ${each}`));
    await page.emulateMedia({ colorScheme: 'light' });
    const desk = page.viewportSize();
    await page.setViewportSize(PHONE.viewport);
    found.push(...(await violations(page)).map((each) => `on a phone: ${each}`));
    if (desk) await page.setViewportSize(desk);
    return found;
  }

  test('everybody can use it: axe finds nothing, in the light, in the dark and on a phone', async () => {
    await using gateway = await startGateway();
    const { page, complaints } = await browser.open(gateway.url, { colorScheme: 'light' });
    await page.getByRole('heading', { name: 'Drop a file here to import it' }).waitFor();
    await page.getByRole('heading', { name: 'Segments' }).waitFor();
    expect(await violationsAnywhere(page)).toEqual([]);

    const bad = { ...outboundRow(2), phone: 'none', email: '' };
    await finished(gateway, await startImport(gateway, [outboundRow(1), bad]));
    const card = page.getByRole('article', { name: /Import trial/ });
    await card.getByRole('button', { name: /^Details/ }).click();
    await card.getByText(/^Why 1 row was left out/).waitFor();
    await gateway.sandbox.control.deliver(
      {
        type: 'contact.enriched',
        contactListId: DEMO_IDS.contactLists.winback,
        contactId: 'c-1',
        attributes: { a: 1 },
      },
      { to: `${gateway.url}/webhooks/cxone` },
    );
    await page.getByText('enriched on Win back').waitFor();
    expect(await violationsAnywhere(page)).toEqual([]);

    await dropFile(page, 'contacts.csv', 'contactId,loyalty_tier\nc,gold\n');
    await page.getByRole('dialog').getByText('How to read it').click();
    await page.getByRole('dialog').getByLabel('Campaign id (optional)').waitFor();
    expect(await violationsAnywhere(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('a phone shows all of it without scrolling sideways', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url, PHONE);
    await finished(gateway, await startImport(gateway, [outboundRow(1), { externalId: 'x' }]));
    await page.getByRole('button', { name: /^Details/ }).click();
    await page.getByRole('heading', { name: '1 target' }).waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.viewport.width);
    const targets = page.getByRole('region', { name: 'Targets' });
    expect(await targets.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
  });

  test('an import can be started by keyboard alone', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url);
    const choosing = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Import a file…' }).focus();
    await page.keyboard.press('Enter');
    const row = 'externalId,phone,doNotCall,doNotEmail\nCRM-1,+14155550001,false,false\n';
    await (await choosing).setFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(row) });
    const list = page.getByRole('dialog').getByLabel('Contact list');
    await list.locator('option', { hasText: 'Import trial' }).waitFor({ state: 'attached' });
    await list.focus();
    await page.keyboard.type('Import');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page
      .getByRole('article', { name: /Import trial/ })
      .getByText('1 succeeded')
      .waitFor();
  });

  test('works where only registered operations are run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'operations-'));
    try {
      const file = join(folder, 'none.json');
      await writeFile(file, '{}');
      const env = { GATEWAY_PERSISTED_OPERATIONS: file, GATEWAY_PERSISTED_ONLY: 'on' };
      await using gateway = await startGateway({ env });
      expect((await gateway.graphql('{ gatewayStatus { version } }')).errors).toBeDefined();
      const { page, complaints } = await browser.open(gateway.url);
      await page.getByText('Live', { exact: true }).waitFor();
      await page.getByRole('heading', { name: 'Drop a file here to import it' }).waitFor();
      await page.getByText('on SQLite').waitFor();
      const event = { type: 'contact.enriched', contactListId: 'list-winback', contactId: 'c-1', attributes: {} };
      await gateway.sandbox.control.deliver(event, { to: `${gateway.url}/webhooks/cxone` });
      await page.getByText('enriched on Win back').waitFor();
      expect(complaints).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('where the gateway wants a key the page asks for it, and keeps it for this tab', async () => {
    const env = { GATEWAY_AUTH: '', GATEWAY_API_KEYS: 'eve:reader:key-of-eve-1234' };
    await using gateway = await startGateway({ env });
    const { page } = await browser.open(gateway.url);
    const field = page.getByLabel('API key');
    await field.fill('not-a-key-of-this-gateway');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    expect(await violationsAnywhere(page)).toEqual([]);
    await field.fill('key-of-eve-1234');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Drop a file here to import it' }).waitFor();
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();

    // What a reader may not do is said where it was tried.
    await dropFile(page, 'contacts.csv', 'externalId,phone\n1,2\n');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Contact list').selectOption({ value: LIST });
    await dialog.getByRole('button', { name: 'Start import' }).click();
    await dialog.getByRole('alert').waitFor();
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });
});
