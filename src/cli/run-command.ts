/** Finds the command that was asked for, runs it, and turns whatever happens into a message and an exit code. */
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { createGatewayClient, GatewayCallError, type GatewayClient } from '../client/gateway-client.ts';
import { events } from './events.ts';
import { EXIT } from './exit-codes.ts';
import { importFile } from './import-file.ts';
import { readImportRequest } from './import-request.ts';
import { status } from './status.ts';
import type { Terminal } from './terminal.ts';
import { USAGE, UsageError } from './usage.ts';
import { watchImport } from './watch-import.ts';

const OPTIONS = {
  url: { type: 'string' },
  'api-key': { type: 'string' },
  json: { type: 'boolean' },
  kind: { type: 'string' },
  list: { type: 'string' },
  book: { type: 'string' },
  campaign: { type: 'string' },
  format: { type: 'string' },
  map: { type: 'string', multiple: true },
  'default-country': { type: 'string' },
  encoding: { type: 'string' },
  'invalid-text': { type: 'string' },
  'on-duplicate': { type: 'string' },
  'max-failures': { type: 'string' },
  callback: { type: 'string' },
  'validate-only': { type: 'boolean' },
  watch: { type: 'boolean' },
  follow: { type: 'boolean' },
  after: { type: 'string' },
} as const;

type OptionName = keyof typeof OPTIONS;
export type OptionValues = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];

/** A command that talks to a gateway. */
interface ClientCommand {
  /** What stands behind the command's name, in its usage. */
  readonly operand: string | null;
  readonly options: readonly OptionName[];
  run(
    gateway: GatewayClient,
    given: { readonly operand: string; readonly values: OptionValues },
    terminal: Terminal,
  ): Promise<number>;
}

const COMMANDS: Readonly<Record<string, ClientCommand>> = {
  import: {
    operand: 'FILE',
    options: [
      'kind',
      'list',
      'book',
      'campaign',
      'format',
      'map',
      'default-country',
      'encoding',
      'invalid-text',
      'on-duplicate',
      'max-failures',
      'callback',
      'validate-only',
      'watch',
    ],
    run: (gateway, { operand, values }, terminal) =>
      importFile(gateway, { file: operand, ...readImportRequest(operand, values), ...shown(values) }, terminal),
  },
  watch: {
    operand: 'IMPORT_ID',
    options: [],
    run: (gateway, { operand, values }, terminal) =>
      watchImport(gateway, { importId: operand, ...shown(values) }, terminal),
  },
  status: {
    operand: null,
    options: [],
    run: (gateway, { values }, terminal) => status(gateway, shown(values), terminal),
  },
  events: {
    operand: null,
    options: ['follow', 'after'],
    run: (gateway, { values: { follow = false, after, ...values } }, terminal) => {
      if (after !== undefined && !follow) throw new UsageError('--after only goes with --follow.');
      return events(gateway, { follow, after, ...shown(values) }, terminal);
    },
  },
};

/** Options that every command of a gateway takes. */
const COMMON_OPTIONS: readonly OptionName[] = ['url', 'api-key', 'json'];

const shown = ({ json = false, watch = false }: OptionValues) => ({ json, watch });

/** Runs a command line. Never rejects. @returns the exit code (exit-codes.ts) */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (error) {
    if (terminal.signal.aborted) return EXIT.interrupted;
    const isUsage = error instanceof UsageError;
    const isExpected = isUsage || error instanceof GatewayCallError;
    terminal.stderr.write(`${isExpected || !(error instanceof Error) ? messageOf(error) : error.stack}\n`);
    if (isUsage) terminal.stderr.write('cxone-gateway --help lists the commands and their options.\n');
    return isUsage ? EXIT.usage : EXIT.failure;
  }
}

async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    terminal.stderr.write(USAGE);
    return EXIT.usage;
  }
  if (name === 'help' || argv.includes('--help') || argv.includes('-h')) {
    terminal.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (name === '--version') {
    terminal.stdout.write(`${packageJson.version}\n`);
    return EXIT.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(noCommand(name));
  const { values, positionals } = readArguments(rest);
  const known = [...COMMON_OPTIONS, ...command.options];
  const [foreign] = Object.keys(values).filter((option) => !known.some((each) => each === option));
  if (foreign !== undefined) throw new UsageError(`The command ${name} has no option --${foreign}.`);
  const wanted = command.operand === null ? 0 : 1;
  if (positionals.length !== wanted)
    throw new UsageError(
      command.operand === null
        ? `The command ${name} takes options only.`
        : `The command ${name} takes one operand: cxone-gateway ${name} ${command.operand}.`,
    );

  const { environment, stderr, clock, random } = terminal;
  await using gateway = createGatewayClient({
    // An empty variable counts as missing.
    url: readUrl(values.url ?? (environment.GATEWAY_URL || 'http://127.0.0.1:4000')),
    apiKey: readApiKey(values['api-key'] ?? (environment.GATEWAY_API_KEY || undefined)),
    // About two minutes of silence.
    retryAttempts: 15,
    onConnection: (state) =>
      stderr.write(state === 'lost' ? 'Connection lost; trying again …\n' : 'Connected again.\n'),
    clock,
    random,
  });
  return await command.run(gateway, { operand: positionals[0] ?? '', values }, terminal);
}

function noCommand(name: string): string {
  // Without arguments bin.mjs has started these.
  if (name === 'serve' || name === 'sandbox')
    return `The command ${name} takes no options. The environment configures it (README.md, "${name === 'serve' ? 'For operators' : 'The sandbox'}").`;
  return `There is no command ${name}.`;
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(faultIn(messageOf(error)));
  }
}

/** What `parseArgs` says to programmers, for whoever typed the command. */
function faultIn(message: string): string {
  const [, option] = /^Option '(?:-\w, )?(--[\w-]+)/.exec(message) ?? [];
  if (message.includes('argument missing')) return `${option} needs a value behind it.`;
  if (message.includes('is ambiguous'))
    return `${option} needs a value; one that begins with a dash goes in as ${option}=-….`;
  if (message.includes('does not take an argument')) return `${option} takes no value.`;
  return `${message.split(/\.\s/, 1)[0]?.replace(/\.$/, '')}.`;
}

function readApiKey(text: string | undefined): string | undefined {
  if (text === undefined || /^[\x21-\x7e]+$/.test(text)) return text;
  throw new UsageError('The API key must be plain characters without spaces, as its operator gave it.');
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return `${url.origin}${url.pathname}`;
  throw new UsageError(`The gateway's address must be an http or https URL, not ${text}.`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
