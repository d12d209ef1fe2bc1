/** The sandbox as a program of its own: `npm run sandbox`. */
import { z } from 'zod';
import {
  LIMIT_GROUPS,
  limitsSchema,
  SANDBOX_CLIENT_ID,
  SANDBOX_CLIENT_SECRET,
  type SandboxOptions,
} from './options.ts';
import { startSandbox } from './server.ts';
import { isWebhookSecret } from './signatures.ts';

const DEFAULT_PORT = 4010;

/** Digits only: `Number` would take an empty text for a zero. */
const wholeNumber = (max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) <= max, `must be a whole number from 0 to ${max}`)
    .transform(Number);

const environmentSchema = z.object({
  SANDBOX_PORT: wholeNumber(65_535).default(DEFAULT_PORT),
  SANDBOX_HOST: z.string().min(1).default('127.0.0.1'),
  SANDBOX_FILE: z.string().min(1).default(':memory:'),
  SANDBOX_LIMITS: z
    .string()
    .transform((text, context) => {
      const parsed = limitsSchema.safeParse(parseJson(text));
      if (parsed.success) return parsed.data;
      context.addIssue({
        code: 'custom',
        message: `must be JSON such as {"outbound":50}, null for no limit, with ${LIMIT_GROUPS.join(', ')}`,
      });
      return z.NEVER;
    })
    .optional(),
  SANDBOX_INDEX_LAG_MS: wholeNumber(3_600_000).optional(),
  SANDBOX_WEBHOOK_SECRET: z.string().refine(isWebhookSecret, 'must be whsec_ and base64').optional(),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws Error with one line for each wrong variable; values are not repeated */
function readOptions(environment: NodeJS.ProcessEnv): SandboxOptions {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'));
  }
  const {
    SANDBOX_LIMITS: limits,
    SANDBOX_INDEX_LAG_MS: indexLagMs,
    SANDBOX_WEBHOOK_SECRET: webhookSecret,
  } = parsed.data;
  return {
    port: parsed.data.SANDBOX_PORT,
    host: parsed.data.SANDBOX_HOST,
    file: parsed.data.SANDBOX_FILE,
    ...(limits && { limits }),
    ...(indexLagMs !== undefined && { indexLagMs }),
    ...(webhookSecret !== undefined && { webhookSecret }),
  };
}

async function main(): Promise<void> {
  const sandbox = await startSandbox(readOptions(process.env));
  console.log(`CXone sandbox   ${sandbox.url}
credentials     ${SANDBOX_CLIENT_ID} / ${SANDBOX_CLIENT_SECRET}
webhook secret  ${sandbox.webhookSecret}
control         ${sandbox.url}/_sandbox   (lists all: faults, holds, settings, requests, deliveries, state)`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void sandbox[Symbol.asyncDispose]());
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
