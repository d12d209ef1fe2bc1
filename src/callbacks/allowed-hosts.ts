/** The hosts that the configuration names: being named there is the permission for plain http, any port and private addresses. */

export interface AllowedHosts {
  /** Whether a URL's host (and port, where the entry has one) is named. */
  names(url: URL): boolean;
}

/** A host, or an IPv6 address in brackets; then perhaps a port. */
const ENTRY = /^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\\[\]]+)(?::(\d{1,5}))?$/;

const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/**
 * @param entries `host`, which allows every port, or `host:port`; as in CALLBACK_ALLOWED_HOSTS (interface.md)
 * @throws Error naming the first entry that is neither
 */
export function readAllowedHosts(entries: readonly string[]): AllowedHosts {
  const named = new Set(entries.map(readEntry));
  return {
    names: (url) => {
      const host = plainHost(url.hostname);
      return named.has(host) || named.has(`${host}:${url.port || DEFAULT_PORTS[url.protocol]}`);
    },
  };
}

function readEntry(entry: string): string {
  const [, host = '', port] = ENTRY.exec(entry) ?? [];
  const url = URL.parse(`http://${host}/`);
  if (!url || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw new Error(`CALLBACK_ALLOWED_HOSTS: "${entry}" is not a host or host:port.`);
  }
  return port === undefined ? plainHost(url.hostname) : `${plainHost(url.hostname)}:${Number(port)}`;
}

/** `example.com.` is the same host as `example.com`. */
function plainHost(hostname: string): string {
  return hostname.replace(/\.$/, '');
}
