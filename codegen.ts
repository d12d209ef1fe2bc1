/**
 * GraphQL Code Generator: typed documents for the gateway's own clients, the dashboard and the command line, from the
 * `.graphql` files beside them. Also the example of how a frontend makes its own (README.md).
 */
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: './schema.graphql',
  documents: 'src/client/documents/*.graphql',
  generates: {
    'src/client/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false, persistedDocuments: true },
      config: {
        // Text instead of syntax trees: small in a bundle, and what goes over the wire anyway.
        documentMode: 'string',
        // Runs as it is under type stripping.
        importExtension: '.ts',
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { DateTime: 'string', JSON: 'unknown', JSONObject: 'Record<string, unknown>' },
      },
    },
  },
};

// biome-ignore lint/style/noDefaultExport: graphql-codegen reads the default export
export default config;
