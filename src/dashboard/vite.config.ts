/** How Vite builds the page: small, without anything inline, so that a strict Content-Security-Policy holds. */
import { resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** The page sends its mutations by their hash alone (`typed` in gateway.ts): their texts need not travel with it. */
function withoutMutationTexts(): Plugin {
  return {
    name: 'without-mutation-texts',
    transform: {
      filter: { id: /client\/generated\/graphql\.ts$/ },
      handler: (code) => code.replaceAll(/(?<=TypedDocumentString\(`)\s*mutation [^`]*/g, ''),
    },
  };
}

// biome-ignore lint/style/noDefaultExport: Vite reads the default export
export default defineConfig({
  root: resolve(import.meta.dirname, 'page'),
  plugins: [withoutMutationTexts()],
  // Relative: the page also works behind a proxy that puts it under a path.
  base: './',
  logLevel: 'warn',
  // Always the same page, whoever builds it: tests run under a NODE_ENV of their own.
  define: { 'process.env.NODE_ENV': JSON.stringify('production') },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact', development: false } },
  // urql is written for React; Preact's compat layer is what stands in for it.
  resolve: { alias: { react: 'preact/compat' }, conditions: ['module', 'browser', 'production'] },
  build: {
    emptyOutDir: true,
    // Inlined files would be data: URLs, which the policy does not allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Documents that the page does not use stay out of it.
    rolldownOptions: { treeshake: { manualPureFunctions: ['TypedDocumentString'] } },
  },
});
