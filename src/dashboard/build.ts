/** Builds the page with Vite, where Vite is installed: in a production install it is not, and what was built before is served. */
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';

/** Where the built page lies. Not in git. */
export const BUILT_PAGE = resolve(import.meta.dirname, 'dist');

/** Builds into place in one move, so that nobody ever reads half a page. Takes about a second. @returns false where Vite is missing */
export async function buildDashboard(folder = BUILT_PAGE): Promise<boolean> {
  const vite = await import('vite').catch(() => null);
  if (vite === null) return false;
  const { default: config } = await import('./vite.config.ts');
  const fresh = `${folder}-${randomUUID()}`;
  try {
    await vite.build({ ...config, configFile: false, build: { ...config.build, outDir: fresh } });
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return true;
}

/** `node src/dashboard/build.ts [folder]` */
if (import.meta.main) {
  const [folder = BUILT_PAGE] = process.argv.slice(2);
  if (!(await buildDashboard(resolve(folder)))) throw new Error('Vite is not installed here: run npm ci first.');
}
