/**
 * Tokens for links that need no header: each names one import and one use, is signed, and ends. They hold nothing
 * secret; who has one may do that one thing until it ends.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';

export type LinkUse = 'upload' | 'rejections';

const claims = z.object({ i: z.string(), u: z.enum(['upload', 'rejections']), e: z.number() });

export interface LinkTokens {
  sign(importId: string, use: LinkUse, expiresAt: number): string;
  /** forged: not one of ours, or for something else. expired: ours, but over. */
  check(token: string, importId: string, use: LinkUse): 'valid' | 'expired' | 'forged';
}

/** `key`: at least 32 random bytes, the same in every replica and after a restart. */
export function createLinkTokens(deps: { key: Uint8Array; clock: Clock }): LinkTokens {
  const signature = (body: string) => createHmac('sha256', deps.key).update(body).digest();

  return {
    sign(importId, use, expiresAt) {
      const body = Buffer.from(JSON.stringify({ i: importId, u: use, e: expiresAt })).toString('base64url');
      return `${body}.${signature(body).toString('base64url')}`;
    },

    check(token, importId, use) {
      const [body, signed, ...rest] = token.split('.');
      if (!body || !signed || rest.length > 0 || token.length > 1024) return 'forged';
      const given = Buffer.from(signed, 'base64url');
      const expected = signature(body);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'forged';
      // The signature is ours, so the body is what `sign` wrote.
      const { i, u, e } = claims.parse(JSON.parse(Buffer.from(body, 'base64url').toString()));
      if (i !== importId || u !== use) return 'forged';
      return deps.clock.now() < e ? 'valid' : 'expired';
    },
  };
}
