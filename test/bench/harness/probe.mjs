/**
 * Loaded into every measured process with `--import`: says on request what the process has used, and how long its event
 * loop was held up at most, since the last `mark`. Plain JavaScript: what takes the types out of TypeScript would count as the
 * memory of a process that does without.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Asking for it costs the measured process some of a millisecond. */
const SAMPLE_MS = 100;

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let peakBytes = process.memoryUsage.rss();
let highWaterKb = process.resourceUsage().maxRSS;

setInterval(() => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}, SAMPLE_MS).unref();

function mark() {
  peakBytes = process.memoryUsage.rss();
  highWaterKb = process.resourceUsage().maxRSS;
  delay.reset();
}

/** @returns {import('./bench-process.ts').Usage} */
function usage() {
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  // What the kernel saw between two samples counts too; a high water mark from before the mark does not.
  const peak = Math.max(peakBytes, maxRSS > highWaterKb ? maxRSS * 1024 : 0);
  return {
    cpuMs: (user + system) / 1000,
    rssMb: process.memoryUsage.rss() / 1e6,
    peakMb: peak / 1e6,
    loopMaxMs: Number.isFinite(delay.max) ? delay.max / 1e6 : 0,
  };
}

process.on('message', (message) => {
  if (message === 'mark') mark();
  if (message === 'mark' || message === 'usage') process.send?.(usage());
});
// The probe keeps nothing alive; whoever started the process may go away first.
process.channel?.unref();
process.on('disconnect', () => process.exit());
