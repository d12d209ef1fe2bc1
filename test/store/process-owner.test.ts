import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { isGone, livesOn, processOwner } from '../../src/store/process-owner.ts';

const self = processOwner('me');
const withPid = (pid: number, run = 'other') => self.replace(/:\d+:\d+-me$/, `:${pid}:${run}`);
/** Of a process that has just ended: not given out again so soon. */
const deadPid = () => spawnSync(process.execPath, ['--version']).pid;

test('this very run is not gone, and neither is a process that runs', () => {
  expect(isGone(self, self)).toBe(false);
  expect(isGone(withPid(process.ppid), self)).toBe(false);
  // Of somebody else's: it may not be signalled, and yet it runs.
  expect(isGone(withPid(1), self)).toBe(false);
});

test('a process that ended is gone, and so is an earlier one that had our number', () => {
  expect(isGone(withPid(deadPid()), self)).toBe(true);
  expect(isGone(withPid(process.pid, '1-earlier'), self)).toBe(true);
  expect(isGone(processOwner('another'), self)).toBe(false);
});

test('of another machine, also one of the same name, another PID namespace or another kind of owner nothing is known', () => {
  const pid = deadPid();
  const onTwin = (owner: string) => owner.replace(/\/[0-9a-f-]{36}\//, '/00000000-0000-0000-0000-000000000000/');
  expect(isGone(onTwin(withPid(pid)), self)).toBe(process.platform !== 'linux');
  expect(isGone(onTwin(withPid(process.pid, '1-earlier')), self)).toBe(process.platform !== 'linux');
  expect(isGone(`elsewhere:${pid}:run`, self)).toBe(false);
  expect(isGone(withPid(pid).replace(/\/\d+:/, '/1:'), self)).toBe(process.platform !== 'linux');
  expect(isGone('worker', self)).toBe(false);
  expect(isGone(withPid(pid), 'worker')).toBe(false);
});

test('only a process of this machine that runs certainly lives on', () => {
  expect(livesOn(self, self)).toBe(true);
  expect(livesOn(withPid(process.ppid), self)).toBe(true);
  expect(livesOn(withPid(deadPid()), self)).toBe(false);
  expect(livesOn(withPid(process.pid, '1-earlier'), self)).toBe(false);
  expect(livesOn(`elsewhere:${process.ppid}:run`, self)).toBe(false);
});
