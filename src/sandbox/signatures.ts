/** Signing as the Standard Webhooks specification says: HMAC-SHA256 over `id.timestamp.body`. */
import { createHmac, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/** A new secret of 24 random bytes. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(24).toString('base64');
}

/** Whether a text is `whsec_<base64>` of at least one byte. */
export function isWebhookSecret(text: string): boolean {
  const encoded = text.slice(PREFIX.length);
  return text.startsWith(PREFIX) && encoded !== '' && Buffer.from(encoded, 'base64').toString('base64') === encoded;
}

/** The headers of a delivery. `timestampSeconds` is part of what is signed: a receiver refuses it when it is old. */
export function signatureHeaders(
  secret: string,
  message: { id: string; timestampSeconds: number; body: string },
): Record<string, string> {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const signed = `${message.id}.${message.timestampSeconds}.${message.body}`;
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(message.timestampSeconds),
    'webhook-signature': `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
  };
}
