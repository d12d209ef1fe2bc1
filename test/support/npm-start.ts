import packageJson from '../../package.json' with { type: 'json' };

/** Node's options of `npm start`. */
export const NPM_START_OPTIONS: readonly string[] = packageJson.scripts.start
  .split(' ')
  .filter((word) => word.startsWith('--'));
