import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILT_PAGE, buildDashboard } from '../../src/dashboard/build.ts';
import { readBuiltPage } from '../../src/dashboard/built-page.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

/** Bytes over the wire for the whole page. */
const BUDGET = 40_000;

describe('the dashboard as it is served', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  const scriptOf = (html: string) => /src="\.\/(assets\/[^"]+\.js)"/.exec(html)?.[1] ?? 'no script';

  test('comes under a policy that allows nothing from elsewhere and nothing inline, and keeps to it', async () => {
    const response = await fetch(`${gateway.url}/`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const html = await response.text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?:\/\//);
  });

  test('is not sent again to a browser that has it, and its assets are kept for ever', async () => {
    const page = await fetch(`${gateway.url}/`);
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const again = await fetch(`${gateway.url}/`, { headers: { 'if-none-match': page.headers.get('etag') ?? '' } });
    expect([again.status, await again.text()]).toEqual([304, '']);

    const asset = await fetch(`${gateway.url}/${scriptOf(await page.text())}`);
    expect(asset.status).toBe(200);
    expect(asset.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(asset.headers.get('content-encoding')).toBe('gzip');
  });

  test('a client that takes no gzip gets it plain; HEAD gets no body', async () => {
    const plain = await fetch(`${gateway.url}/`, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(await plain.text()).toContain('<!doctype html>');
    const head = await fetch(`${gateway.url}/`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test.each(['..%2findex.html', '%2e%2e%2f%2e%2e%2froute.ts', '..%5croute.ts', 'nothing.js', '', 'constructor'])(
    'no path leads out of its assets: %j',
    async (name) => {
      const response = await fetch(`${gateway.url}/assets/${name}`);
      expect(response.status).toBe(404);
      expect(await response.text()).not.toContain('dashboardRoutes');
    },
  );

  test(`is small: ${BUDGET} bytes over the wire at most, all in all`, async () => {
    const built = (await readBuiltPage(BUILT_PAGE)) ?? expect.fail('the page is not built');
    const sizes = [built.index, ...built.assets.values()].map(({ bytes }) => gzipSync(bytes, { level: 9 }).length);
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BUDGET);
  });

  test('a folder without a built page is no page', async () => {
    expect(await readBuiltPage('/nowhere/at/all')).toBeNull();
  });

  test('can be built, and is whole while it is built anew', async () => {
    const building = buildDashboard();
    const during = await fetch(`${gateway.url}/`);
    expect(during.status).toBe(200);
    expect(await building).toBe(true);
    expect(await readBuiltPage(BUILT_PAGE)).not.toBeNull();
  });
});
