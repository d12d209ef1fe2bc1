import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestTarget, routeTemplate } from '../../src/cxone/request-target.ts';
import { ValidationError } from '../../src/errors.ts';
import { anyCodePoint } from '../support/any-text.ts';
import { createTestClient, interactive, read } from './fixture.ts';
import { startScriptedUpstream } from './scripted-upstream.ts';

test.each(['', '.', '..', 'a'.repeat(129), 'a\nb', 'a\r\nb', 'a\u0000', '\u007f', '\u0085', '\ud800', 'a\udfffb'])(
  'refused before any call: %j',
  async (id) => {
    await using upstream = await startScriptedUpstream();
    await using client = createTestClient(upstream.baseUrl);
    const call = client.send({ ...read, path: ['api', 'v2', 'addressbooks', id] }, interactive());
    await expect(call).rejects.toBeInstanceOf(ValidationError);
    expect(upstream.requests).toHaveLength(0);
    expect(upstream.tokenRequests).toHaveLength(0);
  },
);

test.each([
  '../admin',
  '..%2fadmin',
  '%2e%2e',
  '%252f',
  'a;b',
  'a?b=c',
  'a#b',
  '//host',
  'a b',
  'ä€😀',
  '\u202eabc',
  '／',
])('arrives as one segment and nothing else: %j', async (id) => {
  await using upstream = await startScriptedUpstream();
  await using client = createTestClient(upstream.baseUrl);
  await client.send({ ...read, path: ['api', 'v2', 'addressbooks', id, 'contacts'] }, interactive());
  const url = upstream.requests[0]?.url ?? '';
  const segments = url.split('/');
  expect(segments).toHaveLength(6);
  expect(decodeURIComponent(segments[4] ?? '')).toBe(id);
  expect(new URL(url, upstream.baseUrl).pathname).toBe(url);
});

test('for every text: refused, or exactly its own segment and its own query value', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCodePoint, maxLength: 140 }), (text) => {
      let target: string;
      try {
        target = requestTarget(['api', text, 'x'], { filter: text });
      } catch (error) {
        expect(error).toBeInstanceOf(ValidationError);
        return;
      }
      const url = new URL(target, 'http://host');
      expect(url.hash).toBe('');
      expect(url.pathname.split('/').map(decodeURIComponent)).toEqual(['', 'api', text, 'x']);
      expect([...url.searchParams]).toEqual([['filter', text]]);
    }),
    { numRuns: 2000 },
  );
});

test('query values are data, and those that are undefined are left out', () => {
  expect(requestTarget(['a'], { filter: "x eq 'a&b=c'", page: 1, left: undefined })).toBe(
    "/a?filter=x%20eq%20'a%26b%3Dc'&page=1",
  );
  expect(requestTarget(['a'], { left: undefined })).toBe('/a');
  expect(() => requestTarget(['a'], { filter: '\ud800' })).toThrow(ValidationError);
});

test('a route template holds no id', () => {
  expect(routeTemplate(['api', 'v2', 'addressbooks', 'ab-7', 'contacts', '+15550100'])).toBe(
    '/api/v2/addressbooks/{id}/contacts/{id}',
  );
});

test.each(['a\r\nx-evil: 1', 'ä', '\u0000', 'a'.repeat(1025)])(
  'a header value is refused before any call: %j',
  async (value) => {
    await using upstream = await startScriptedUpstream();
    await using client = createTestClient(upstream.baseUrl);
    const call = client.send({ ...read, headers: { 'if-match': value } }, interactive());
    await expect(call).rejects.toBeInstanceOf(ValidationError);
    expect(upstream.tokenRequests).toHaveLength(0);
  },
);
