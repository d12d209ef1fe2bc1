/** What the GraphQL resolvers work with: one service per slice. */
// biome-ignore lint/suspicious/noEmptyInterface: each slice adds its service here
export interface Services {}
