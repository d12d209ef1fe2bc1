/** Names requests by method and path, for faults and holds. */

export interface RequestPattern {
  /** Any method where it is missing. */
  method?: string | undefined;
  /**
   * `*` or `{name}` stands for one segment of the path, `**` for any rest: `/api/v2/segments/{id}/contacts`.
   * Where it is missing: every route but the token endpoints.
   */
  path?: string | undefined;
}

/** @returns whether a request's method and raw path (without the query) are meant */
export function compilePattern({ method, path }: RequestPattern): (method: string, path: string) => boolean {
  const matches = path === undefined ? /^\/api\/v2\/(?!oauth2?\/token$)/ : toRegExp(path);
  return (requestMethod, requestPath) =>
    (method === undefined || method.toUpperCase() === requestMethod) && matches.test(requestPath);
}

function toRegExp(path: string): RegExp {
  const source = path
    .split(/(\*\*|\*|\{\w+\})/)
    .map((part) => {
      if (part === '**') return '.*';
      return part === '*' || /^\{\w+\}$/.test(part) ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`);
}
