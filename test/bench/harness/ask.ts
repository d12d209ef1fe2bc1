/** Single questions to a measured gateway, and to the mock upstream about what it was asked. */

/** The operation's data. @throws where it has none */
export async function ask<Data>(url: string, query: string, variables: Record<string, unknown> = {}): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();
  const { data, errors } = JSON.parse(text) as { data?: Data | null; errors?: unknown };
  if (!data || errors) throw new Error(`${response.status}: ${text.slice(0, 600)}`);
  return data;
}

export interface UpstreamCounts {
  /** All but those for a token. */
  readonly calls: number;
  readonly segmentWrites: number;
  /** Of them, refused with a 429. */
  readonly limited: number;
  /** Memberships written. */
  readonly members: number;
}

/** How many writes the mock takes in a second from now on; what it counted before is forgotten. */
export async function setUpstream(mockUrl: string, limitPerSecond?: number): Promise<void> {
  const query = limitPerSecond === undefined ? '' : `?limitPerSecond=${limitPerSecond}`;
  await (await fetch(`${mockUrl}/_mock${query}`, { method: 'POST' })).text();
}

/** What the mock was asked since the last time. */
export async function upstreamCounts(mockUrl: string): Promise<UpstreamCounts> {
  return (await (await fetch(`${mockUrl}/_mock`)).json()) as UpstreamCounts; // As mock-cxone.ts sends it.
}
