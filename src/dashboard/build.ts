/** Builds the page with Vite, where Vite is installed: in a production install it is not, and what was built before is served. */
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Where the built page lies. Not in git. */
export const BUILT_PAGE = resolve(import.meta.dirname, 'dist');

/** Builds into place in one move, so that nobody ever reads half a page. Takes about a second. @returns false where Vite is missing */
export async function buildDashboard(): Promise<boolean> {
  const vite = await import('vite').catch(() => null);
  if (vite === null) return false;
  const { default: config } = await import('./vite.config.ts');
  const fresh = `${BUILT_PAGE}-${randomUUID()}`;
  try {
    await vite.build({ ...config, configFile: false, build: { ...config.build, outDir: fresh } });
    await rm(BUILT_PAGE, { recursive: true, force: true });
    await rename(fresh, BUILT_PAGE);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return true;
}

if (import.meta.main && !(await buildDashboard())) {
  console.log('Vite is not installed here: the dashboard is not built, what was built before stays.');
}
