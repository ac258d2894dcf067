// SPDX-License-Identifier: LGPL-3.0-or-later
// Requests to the daemon. Paths are relative to the page, so that it also works
// below a proxy's path.
import type { Candidate, Daemon, Peer, Plugin, Region, Session } from './types';

/** The daemon said no, and why. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, readonly title: string, readonly detail: string) {
    super(detail || title);
  }
}

/** No answer: the daemon is gone, or the way to it. */
export class Unreachable extends Error {
  constructor() {
    super('The daemon does not answer.');
  }
}

/** What to show of anything that was thrown. */
export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export const hooks = {
  /** A request got no answer. */
  unreachable: () => {},
  /** A request was refused for want of a session. */
  unauthenticated: () => {},
};

interface Options {
  method?: string;
  bearer?: string;
  json?: unknown;
  body?: BodyInit;
  signal?: AbortSignal;
  keepalive?: boolean;
}

async function toProblem(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => ({})) as Partial<Record<string, string>>;
  const code = (body.type ?? '').replace(/^urn:ivshmem:error:/, '');
  return new Problem(response.status, code, body.title ?? `status ${response.status}`, body.detail ?? '');
}

export async function call(path: string, { method = 'GET', bearer, json, body, signal, keepalive }: Options = {}) {
  const headers: Record<string, string> = {};
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (json !== undefined) headers['Content-Type'] = 'application/json';
  else if (body !== undefined) headers['Content-Type'] = 'application/octet-stream';
  let response: Response;
  try {
    response = await fetch(`v1/${path}`, {
      method, headers, credentials: 'same-origin', redirect: 'error',
      body: json === undefined ? body ?? null : JSON.stringify(json),
      signal: signal ?? null, keepalive: keepalive ?? false,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    hooks.unreachable();
    throw new Unreachable();
  }
  if (response.ok) return response;
  const problem = await toProblem(response);
  if (problem.status === 401 && path !== 'session' && !bearer) hooks.unauthenticated();
  throw problem;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await call(path, signal ? { signal } : {})).json() as Promise<T>;
}

/** A token of the daemon's token files; those of links count once. */
export function isLasting(token: string): boolean {
  return token.startsWith('ivs_');
}

const region = (name: string) => `regions/${encodeURIComponent(name)}`;

export const api = {
  session: () => get<Session>('session'),
  /** A lasting token is first swapped for a one-time one, of which the daemon makes a session. */
  login: async (token: string) => {
    const once = isLasting(token)
      ? ((await (await call('logins', { method: 'POST', bearer: token })).json()) as { token: string }).token : token;
    await call('session', { method: 'POST', json: { token: once } });
  },
  logout: () => call('session', { method: 'DELETE' }),
  daemon: () => get<Daemon>('daemon'),
  plugins: async () => (await get<{ plugins: Plugin[] }>('plugins')).plugins,
  candidates: async (plugin: string) =>
    (await get<{ candidates: Candidate[] }>(`plugins/${encodeURIComponent(plugin)}/candidates`)).candidates,
  regions: async () => (await get<{ regions: Region[] }>('regions')).regions,
  region: (name: string) => get<Region>(region(name)),
  peers: async (name: string) => (await get<{ peers: Peer[] }>(`${region(name)}/peers`)).peers,
  attach: async (plugin: string, name: string, options: Record<string, unknown>) =>
    (await call('regions', { method: 'POST', json: { plugin, name, options } })).json() as Promise<Region>,
  detach: (name: string, force: boolean) => call(`${region(name)}${force ? '?force=true' : ''}`, { method: 'DELETE' }),
  kick: (name: string, id: number) => call(`${region(name)}/peers/${id}`, { method: 'DELETE' }),
  ring: async (name: string, peer: number | 'all', vector: number | 'all') =>
    (await (await call(`${region(name)}/ring`, { method: 'POST', json: { peer, vector } })).json() as
      { sent: number }).sent,
  read: async (name: string, offset: number, length: number, signal?: AbortSignal) =>
    new Uint8Array(await (await call(`${region(name)}/memory?offset=${offset}&length=${length}`,
      signal ? { signal } : {})).arrayBuffer()),
  write: (name: string, offset: number, bytes: Uint8Array<ArrayBuffer>) =>
    call(`${region(name)}/memory?offset=${offset}`, { method: 'PUT', body: bytes }),
};
