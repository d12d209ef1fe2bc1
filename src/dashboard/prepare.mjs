/**
 * Builds the dashboard after an installation. Plain JavaScript, and never a failure: an old Node, or an installation
 * without development tools, gets a gateway whose page is built later or was built before.
 */
import { isRecentNode } from '../node-version.mjs';

if (isRecentNode()) {
  try {
    const { buildDashboard } = await import('./build.ts');
    if (!(await buildDashboard())) console.log('Vite is not installed: the dashboard is not built.');
  } catch (error) {
    console.error('The dashboard could not be built; the gateway works without it.', error);
  }
}
