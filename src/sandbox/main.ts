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

/** Digits only: `Number` also takes `1e3` and `0x10`. */
const wholeNumber = (max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) <= max, `must be a whole number from 0 to ${max}`)
    .transform(Number);

const environmentSchema = z.object({
  SANDBOX_PORT: wholeNumber(65_535).default(DEFAULT_PORT),
  SANDBOX_HOST: z.string().default('127.0.0.1'),
  SANDBOX_FILE: z.string().default(':memory:'),
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
  // An empty variable counts as missing, as shells and compose files set them.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(given);
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

/** For the person who started it: which variable to look at. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall } = error as NodeJS.ErrnoException; // What Node adds to errors of the system; it may be missing.
  if (code === 'EADDRINUSE') return `SANDBOX_PORT: the port is taken (${error.message}). Set another.`;
  if (syscall === 'listen' || syscall === 'getaddrinfo') return `SANDBOX_HOST, SANDBOX_PORT: ${error.message}`;
  return error.message;
}

main().catch((error: unknown) => {
  console.error(reasonOf(error));
  process.exitCode = 1;
});
