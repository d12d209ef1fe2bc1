/** `npm run bench`: how far the gateway is from the limit, in ratios that are measured in the same run. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Part } from './harness/part.ts';
import { type PartResult, type Report, renderComparison, renderPart } from './harness/report.ts';
import { growth } from './parts/growth.ts';
import { imports } from './parts/imports.ts';
import { reads } from './parts/reads.ts';
import { start } from './parts/start.ts';
import { subscriptions } from './parts/subscriptions.ts';
import { writes } from './parts/writes.ts';

const PARTS: readonly Part[] = [reads, writes, imports, subscriptions, start, growth];

const USAGE = `Usage: npm run bench -- [part …] [options]
       npm run bench -- compare <before.json> <after.json>

Parts (all where none is named):
${PARTS.map(({ name, description }) => `  ${name.padEnd(14)}${description}`).join('\n')}

Options:
  --rounds <number>   alternating rounds of each measurement (default 5)
  --json <path>       where the figures go (default test/bench/results/<commit>-<time>.json); drawings go beside them
  --full              also what does not fit into ten minutes: imports of ten million rows
  --help              this text
`;

const OPTIONS = {
  rounds: { type: 'string', default: '5' },
  json: { type: 'string' },
  full: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

function refuse(reason: string): never {
  process.stderr.write(`${reason}\n\n${USAGE}`);
  process.exit(2);
}

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const [command, before, after] = positionals;
  if (command === 'compare' && before !== undefined && after !== undefined) {
    process.stdout.write(`${renderComparison(readReport(before), readReport(after))}\n`);
    return;
  }
  const rounds = Number(values.rounds);
  const wanted = PARTS.filter(({ name, onlyByName }) =>
    positionals.length === 0 ? !onlyByName : positionals.includes(name),
  );
  if (command === 'compare') refuse('compare takes two reports: the one before and the one after');
  const unknown = positionals.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined) refuse(`there is no part ${unknown}`);
  if (!Number.isInteger(rounds) || rounds < 1) refuse('--rounds must be a whole number from 1 on');

  // As an installation does it; the source may have changed since.
  execFileSync(process.execPath, [join(import.meta.dirname, '../../src/cli/prepare.mjs')]);
  const results: PartResult[] = [];
  const drawings = new Map<string, string>();
  for (const part of wanted) {
    const startedAt = performance.now();
    const { drawing, ...found } = await part.run({
      rounds,
      endsAt: startedAt + part.seconds * 1000,
      isFull: values.full,
      progress: (text) => process.stderr.write(`${part.name}: ${text} …\n`),
    });
    if (drawing !== undefined) drawings.set(part.name, drawing);
    const result = { part: part.name, seconds: (performance.now() - startedAt) / 1000, ...found };
    results.push(result);
    process.stdout.write(`${renderPart(result)}\n`);
  }
  const report: Report = {
    commit: currentCommit(),
    date: new Date().toISOString(),
    node: process.version,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    parts: results,
  };
  const path = values.json ?? join(import.meta.dirname, 'results', `${report.commit.slice(0, 9)}-${Date.now()}.json`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  for (const [name, svg] of drawings) writeFileSync(path.replace(/(\.json)?$/, `-${name}.svg`), svg);
  process.stdout.write(`\nfigures: ${path}\n`);
}

/** @throws where it is no report; only the reports of this program are read */
function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

await main();
