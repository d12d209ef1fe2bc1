/** What one client may ask of the server, in one place. Everything has a bound; these are the defaults. */

export interface ServerLimits {
  /** Bytes of a GraphQL request body over HTTP: the 10 000 rows that startImport takes, at 800 bytes each. */
  readonly maxBodyBytes: number;
  /**
   * Bytes of one WebSocket message: some hundred aliased mutations with their variables. Ten thousand inline rows go
   * by HTTP, where one large body does not stand in the way of other operations on the same connection.
   */
  readonly maxMessageBytes: number;
  /** Milliseconds from a request's head to the end of its body, where the route does not say otherwise. */
  readonly bodyTimeoutMs: number;
  /**
   * What has to come of a body that may take any time, an upload: half a kilobyte a second, a quarter of what the
   * slowest of mobile networks carries, over so long that a short break of the line does no harm.
   */
  readonly bodyPace: { readonly minBytes: number; readonly windowMs: number };
  /** Milliseconds for a request's head; a silent connection ends after these too. */
  readonly headersTimeoutMs: number;
  /**
   * Bytes of a document, and of any other string in a body: thirteen for each of the tokens below. As a value, a string
   * of a megabyte is several, which stay until the whole heap is looked through.
   */
  readonly maxStringBytes: number;
  /** Lexical tokens of a document: 250 aliased mutations with their input written out and every error asked for pass. */
  readonly maxTokens: number;
  /** Fields within each other, fragments resolved. Introspection is bounded by graphql's own rule instead. */
  readonly maxDepth: number;
  /** The cost of one operation (operation-cost.ts): fields, times the sizes of the pages they are on. */
  readonly maxCost: number;
  /** Fields of one operation with its fragments written out: what a short document of many spreads comes to. */
  readonly maxFields: number;
  /** Operations in one HTTP array. */
  readonly maxBatch: number;
  readonly maxConnections: number;
  readonly maxSockets: number;
  /** Of these, what one actor may have: the rest is left to others. */
  readonly maxSocketsPerActor: number;
  readonly maxSubscriptionsPerSocket: number;
  /** Queries and mutations under way on one socket at a time. */
  readonly maxRunningPerSocket: number;
  /** Bytes that may wait for a reader before it counts as too slow and is cut off. */
  readonly maxBufferedBytes: number;
  /** Milliseconds a reader may take nothing of what waits for it, or a sender send nothing, before it is cut off. */
  readonly stallTimeoutMs: number;
  /** Milliseconds a new socket has for its connection_init. */
  readonly connectionInitTimeoutMs: number;
  /** Milliseconds between pings to a socket; one that has not answered by the next is cut off. */
  readonly pingIntervalMs: number;
  /** Milliseconds that running requests get to finish when the server drains. */
  readonly drainTimeoutMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  maxBodyBytes: 8 * 1024 * 1024,
  maxMessageBytes: 1024 * 1024,
  bodyTimeoutMs: 15_000,
  // Within the 20 s of faults.md, "slowloris".
  bodyPace: { minBytes: 8 * 1024, windowMs: 16_000 },
  headersTimeoutMs: 10_000,
  maxStringBytes: 512 * 1024,
  maxTokens: 40_000,
  maxDepth: 15,
  maxCost: 500_000,
  maxFields: 50_000,
  maxBatch: 20,
  maxConnections: 10_000,
  maxSockets: 5_000,
  maxSocketsPerActor: 4_000,
  maxSubscriptionsPerSocket: 50,
  maxRunningPerSocket: 200,
  maxBufferedBytes: 1024 * 1024,
  // Within the same 20 s.
  stallTimeoutMs: 18_000,
  connectionInitTimeoutMs: 5_000,
  pingIntervalMs: 12_000,
  drainTimeoutMs: 10_000,
};
