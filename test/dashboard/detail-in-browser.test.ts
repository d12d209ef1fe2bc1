import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEMO_IDS } from '../../src/sandbox/seed.ts';
import { startGateway } from '../support/gateway.ts';
import { finished, outboundRow, startImport } from '../support/imports.ts';
import { describeInBrowser, startBrowser, type TestBrowser } from './browser.ts';

describeInBrowser('what the dashboard tells in depth, in a browser', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  test('an import of segment members shows each segment with a state of its own', async () => {
    await using gateway = await startGateway();
    const { vip, summerInvitees } = DEMO_IDS.segments;
    const rows = [vip, summerInvitees].map((segmentId) => ({ contactId: 'customer-0150', segmentId }));
    await finished(gateway, await startImport(gateway, rows, { kind: 'SEGMENT_MEMBERS', targetId: null }));
    const { page, complaints } = await browser.open(gateway.url);
    await page.getByRole('button', { name: /^Details of Segment members/ }).click();
    for (const name of ['VIP', 'Summer invitees']) {
      const row = page.getByRole('row', { name: new RegExp(`^${name}`) });
      await row.getByRole('cell', { name: 'Completed' }).waitFor();
    }
    expect(complaints).toEqual([]);
  });

  test('all batches of a large import can be seen, a page at a time', async () => {
    await using gateway = await startGateway();
    const campaign = { id: 'campaign-tiny', name: 'Tiny', maxEnrichmentTimeoutMs: 10 };
    gateway.sandbox.control.add.campaign({ ...campaign, contactListId: DEMO_IDS.contactLists.summerOutreach });
    const hold = gateway.sandbox.control.hold({ method: 'POST', path: '/api/v2/contacts/lists/*/contacts' });
    const rows = Array.from({ length: 253 }, (_, index) => ({
      contactId: `customer-${String(index + 1).padStart(4, '0')}`,
      attributes: { loyalty_tier: 'gold' },
    }));
    const id = await startImport(gateway, rows, {
      kind: 'ATTRIBUTES',
      targetId: `gid://cxone/ContactList/${DEMO_IDS.contactLists.summerOutreach}`,
      campaignId: `gid://cxone/Campaign/${campaign.id}`,
    });
    const { page } = await browser.open(gateway.url);
    await page.getByRole('button', { name: /^Details/ }).click();
    const shown = (first: number, last: number) =>
      page.getByRole('list', { name: `Batches ${first} to ${last}: 0 done` });
    await shown(1, 250).waitFor();
    expect(await shown(1, 250).getByRole('listitem').count()).toBe(250);
    await page.getByRole('button', { name: 'Later' }).click();
    await shown(251, 253).waitFor();
    expect(await shown(251, 253).getByRole('listitem').count()).toBe(3);
    expect(await page.getByRole('button', { name: 'Later' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Earlier' }).click();
    await shown(1, 250).waitFor();
    await gateway.data(`mutation ($id: ID!) { cancelImport(input: { id: $id }) { __typename } }`, { id });
    hold.release();
  });

  test('older imports come when they are asked for', async () => {
    await using gateway = await startGateway();
    await Promise.all(Array.from({ length: 17 }, (_, index) => startImport(gateway, [outboundRow(index)])));
    const { page } = await browser.open(gateway.url);
    const cards = page.getByRole('article');
    await cards.nth(14).waitFor();
    expect(await cards.count()).toBe(15);
    await page.getByRole('button', { name: 'Show older imports' }).click();
    await cards.nth(16).waitFor();
    expect(await cards.count()).toBe(17);
    await page.getByRole('button', { name: 'Show older imports' }).waitFor({ state: 'detached' });
  });

  test('what was not sent is not to go, a repeat is one, and one failure in thousands is not a success rate of 100 %', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url);
    const card = (list: RegExp) => page.getByRole('article', { name: list });
    await startImport(gateway, [outboundRow(1), outboundRow(1), outboundRow(2)], { options: { validateOnly: true } });
    await card(/Import trial/)
      .getByText('2 not sent')
      .waitFor();
    await card(/Import trial/)
      .getByText(/^1 duplicate$/)
      .waitFor();

    gateway.sandbox.control.fail({
      method: 'POST',
      path: '/api/v2/outbound/contactlists/*/contacts',
      refuse: { keys: ['CRM-5'], code: 'INVALID', message: 'refused for this test' },
    });
    const rows = Array.from({ length: 2_500 }, (_, index) => outboundRow(index));
    await startImport(gateway, rows, { targetId: 'gid://cxone/ContactList/list-winback' });
    await card(/Win back/)
      .getByText('1 failed')
      .waitFor();
    await card(/Win back/)
      .getByRole('button', { name: /^Details/ })
      .click();
    const rate = card(/Win back/)
      .getByRole('definition')
      .first();
    await rate.waitFor();
    expect(await rate.textContent()).toBe('99.9 %');
  });

  test('colours that mean something are there where people have colours of their own', async () => {
    await using gateway = await startGateway();
    await finished(gateway, await startImport(gateway, [outboundRow(1), { externalId: 'x' }]));
    const { page } = await browser.open(gateway.url, { forcedColors: 'active' });
    await page.getByRole('progressbar').waitFor();
    const colours = `Array.from(document.querySelectorAll('.bar span'), (part) => getComputedStyle(part).backgroundColor)`;
    expect(new Set(await page.evaluate<string[]>(colours)).size).toBe(2);
  });

  test('long names are shown whole, and push nothing out of sight', async () => {
    await using gateway = await startGateway();
    const word = 'Rindfleischetikettierungsueberwachungsaufgabenuebertragungsgesetz';
    gateway.sandbox.control.add.contactList({
      id: 'list-long',
      name: `${'A list with a name without end '.repeat(4)}${word}`,
    });
    await finished(
      gateway,
      await startImport(gateway, [outboundRow(1)], { targetId: 'gid://cxone/ContactList/list-long' }),
    );
    const { page } = await browser.open(gateway.url);
    await page.getByRole('button', { name: /^Details/ }).click();
    await page.getByRole('heading', { name: '1 target' }).waitFor();
    const event = {
      type: 'contact.enriched',
      contactListId: 'list-long',
      contactId: `contact-${word}`,
      attributes: { [`attribute_${word}`]: word.repeat(2) },
    };
    const news = page.getByRole('list', { name: 'Newest first' });
    // Nobody tells when a subscription has begun; what happens often enough happens after that.
    const tell = async () => {
      await gateway.sandbox.control.deliver(event, { to: `${gateway.url}/webhooks/cxone` });
      return await news.getByRole('term').count();
    };
    await expect.poll(tell, { timeout: 60_000 }).toBeGreaterThan(0);
    for (const width of [1280, 375]) {
      await page.setViewportSize({ width, height: 800 });
      for (const place of [page.getByRole('region', { name: 'Targets' }), news, page.locator('html')])
        expect(await place.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    }
    // A time on one line.
    const lines = 'Array.from(document.querySelectorAll("time"), (each) => each.getClientRects().length)';
    expect(new Set(await page.evaluate<number[]>(lines))).toEqual(new Set([1]));
  });

  test('where several gateways answer, the calls of one are shown, and not the differences between them', async () => {
    await using gateway = await startGateway();
    await using other = await startGateway();
    for (let calls = 0; calls < 30; calls += 1) await other.data('{ contactLists(first: 1) { nodes { id } } }');
    const { page } = await browser.open('about:blank');
    // A balancer in front: every other request goes elsewhere.
    let asked = 0;
    await page.route(`${gateway.url}/graphql`, async (route) => {
      asked += 1;
      if (asked % 2 === 0) return route.continue();
      return route.fulfill({ response: await route.fetch({ url: `${other.url}/graphql` }) });
    });
    await page.goto(gateway.url);
    const group = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Outbound lists' }) });
    await group.getByRole('img', { name: /: 0 calls, 0 retries, 0 refused with 429$/ }).waitFor();
    await gateway.data('{ contactLists(first: 1) { nodes { id } } }');
    await group.getByRole('img', { name: /: 1 call, 0 retries, 0 refused with 429$/ }).waitFor();
  });

  test('a 429 from CXone is counted, charted and named', async () => {
    await using gateway = await startGateway();
    const { page } = await browser.open(gateway.url);
    const group = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Outbound lists' }) });
    await group.getByRole('img', { name: /0 refused with 429$/ }).waitFor();
    gateway.sandbox.control.fail({ path: '/api/v2/outbound/contactlists', times: 1, status: 429, retryAfter: 0 });
    await gateway.data('{ contactLists(first: 1) { nodes { id } } }');
    await group.getByText('1 × 429').waitFor();
    await group.getByRole('img', { name: /1 refused with 429$/ }).waitFor();
    await group.getByText('circuit closed').waitFor();
  });
});
