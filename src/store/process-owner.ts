/**
 * Who holds a lease: a string that names one run of one process, and lets another process of the same machine see
 * that it is dead without waiting for its leases to run out.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * `host:pid:start-run`. The host includes the machine's boot and the PID namespace where there are such: two machines or
 * two containers may share a host name, and each of them would take the other's process numbers for its own.
 * @param run unique to this run, as a random UUID; without `:`
 */
export function processOwner(run: string): string {
  return `${hostname()}${bootAndNamespace()}:${process.pid}:${Math.round(performance.timeOrigin)}-${run}`;
}

/** @returns true only when the process that `owner` names certainly no longer runs */
export function isGone(owner: string, self: string): boolean {
  const theirs = parseOwner(owner);
  const ours = parseOwner(self);
  if (!theirs || !ours || theirs.host !== ours.host || owner === self) return false;
  // Our number with another start: an earlier process that had it, as pid 1 of a container restarted in place.
  return theirs.pid === ours.pid ? theirs.start !== ours.start : !isRunning(theirs.pid);
}

/** @returns true only when the process that `owner` names certainly still runs, `self` among them: it may be paused */
export function livesOn(owner: string, self: string): boolean {
  if (owner === self) return true;
  return parseOwner(owner)?.host === parseOwner(self)?.host && !isGone(owner, self);
}

function parseOwner(owner: string): { host: string; pid: number; start: string | undefined } | undefined {
  const [, host, pid, start] = /^(.+):(\d+):(?:(\d+)-)?[^:]+$/.exec(owner) ?? [];
  return host === undefined ? undefined : { host, pid: Number(pid), start };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function bootAndNamespace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Every machine's first namespace has the same number.
    return `/${boot}/${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}`;
  } catch {
    // Not Linux, so there are no PID namespaces.
    return '';
  }
}
