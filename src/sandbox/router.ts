/** Finds the route of a request, and refuses paths that no careful client would send. */
import type { Route } from './exchange.ts';
import { isId } from './formats.ts';
import { Refusal } from './refusal.ts';

export interface RouteMatch {
  route: Route;
  params: Record<string, string>;
}

interface CompiledRoute {
  route: Route;
  segments: { name: string; isParam: boolean }[];
}

/** @returns a function that finds the route for a method and a raw (still encoded) path without its query */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => RouteMatch {
  const bySize = Map.groupBy(routes.map(compile), ({ segments }) => segments.length);
  return (method, path) => {
    const parts = path.slice(1).split('/');
    const found = (bySize.get(parts.length) ?? []).filter(({ segments }) =>
      segments.every(({ name, isParam }, index) => isParam || name === parts[index]),
    );
    const match = found.find(({ route }) => route.method === method);
    if (match) return { route: match.route, params: readParams(match, parts) };
    if (found.length > 0) {
      const allow = found.map(({ route }) => route.method).join(', ');
      throw new Refusal(405, 'MethodNotAllowed', `Allowed here: ${allow}.`, {
        headers: { allow },
        violation: 'unknown-route',
      });
    }
    throw new Refusal(404, 'NotFound', 'There is nothing at this path.', { violation: 'unknown-route' });
  };
}

function compile(route: Route): CompiledRoute {
  const segments = route.path
    .slice(1)
    .split('/')
    .map((segment) => {
      const [, name] = /^\{(\w+)\}$/.exec(segment) ?? [];
      return name === undefined ? { name: segment, isParam: false } : { name, isParam: true };
    });
  return { route, segments };
}

function readParams({ segments }: CompiledRoute, parts: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  segments.forEach(({ name, isParam }, index) => {
    if (!isParam) return;
    const id = decode(parts[index] ?? '');
    if (!isId(id)) {
      throw new Refusal(400, 'InvalidId', `The ${name} in the path is not an id.`, { violation: 'path-id' });
    }
    params[name] = id;
  });
  return params;
}

/** Undefined for what is not percent-encoded UTF-8. */
function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
