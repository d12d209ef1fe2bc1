import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { outboundRow } from '../support/imports.ts';
import { describeInBrowser, startBrowser, type TestBrowser } from './browser.ts';

/** Without credentials the built-in sandbox stands in, and GraphiQL opens with examples. */
const BUILT_IN = { CXONE_BASE_URL: '', CXONE_CLIENT_ID: '', CXONE_CLIENT_SECRET: '', CXONE_WEBHOOK_SECRET: '' };

/** It is 9 MB of scripts. */
const TIMEOUT_MS = 90_000;

describeInBrowser('GraphiQL, in a browser', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  const isOperation = (response: { request(): { method(): string; postData(): string | null } }) =>
    response.request().method() === 'POST' && !response.request().postData()?.includes('IntrospectionQuery');

  async function choose(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name: /^Execute query/ }).click();
    await page.getByRole('menuitem', { name, exact: true }).click();
  }

  async function exampleNames(page: Page): Promise<string[]> {
    await page.getByRole('button', { name: /^Execute query/ }).click();
    await page.getByRole('menuitem').first().waitFor();
    const names = await page.getByRole('menuitem').allTextContents();
    await page.keyboard.press('Escape');
    await page.getByRole('menuitem').first().waitFor({ state: 'detached' });
    return names;
  }

  /** Starts the subscription, and does what it tells of until it has told. */
  async function expectToHear(page: Page, name: string, word: string, cause: () => Promise<unknown>): Promise<void> {
    await choose(page, name);
    const heard = page.locator('.result-window').getByText(word);
    while ((await heard.count()) === 0) await cause();
    await page.getByRole('button', { name: /^Stop query/ }).click();
  }

  const importOne = (gateway: TestGateway, headers?: Record<string, string>) =>
    gateway.graphql(
      `mutation ($rows: [JSONObject!]!) { startImport(input: { kind: OUTBOUND_CONTACTS, targetId: "gid://cxone/ContactList/${DEMO_IDS.contactLists.importTrial}", rows: $rows }) { __typename } }`,
      { rows: [outboundRow(1)] },
      headers,
    );

  test('opens with examples that work as they stand, subscriptions included, and asks no other host', {
    timeout: TIMEOUT_MS,
  }, async () => {
    await using gateway = await startGateway({ env: BUILT_IN });
    const { page, complaints } = await browser.open(`${gateway.url}/graphql`);
    page.setDefaultTimeout(TIMEOUT_MS);
    const names = await exampleNames(page);
    expect(names.length).toBeGreaterThan(10);
    // That each does what it says is tested without a browser (graphiql-examples.test.ts); here, that it gets there.
    for (const name of ['Overview', 'AddTwo', 'JoinSegment']) {
      const answering = page.waitForResponse(isOperation);
      await choose(page, name);
      const answer = await (await answering).json();
      expect(answer, name).not.toHaveProperty('errors');
      await page.locator('.result-window').getByText('"data"').first().waitFor();
    }
    await expectToHear(page, 'ImportActivity', 'importActivity', () => importOne(gateway));
    expect(complaints).toEqual([]);
  });

  test('a key that is given under Headers is used for subscriptions too', { timeout: TIMEOUT_MS }, async () => {
    const env = { ...BUILT_IN, GATEWAY_AUTH: '', GATEWAY_API_KEYS: 'ada:writer:key-of-ada-1234' };
    const authorization = 'Bearer key-of-ada-1234';
    await using gateway = await startGateway({ env });
    const { page } = await browser.open(`${gateway.url}/graphql`);
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.getByRole('button', { name: 'Headers' }).click();
    await page.locator('.monaco-editor[data-uri$="headers.json"]').click();
    await page.keyboard.insertText(JSON.stringify({ authorization }));
    await expectToHear(page, 'ImportActivity', 'importActivity', () => importOne(gateway, { authorization }));
  });
});
