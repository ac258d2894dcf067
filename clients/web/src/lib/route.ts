// SPDX-License-Identifier: LGPL-3.0-or-later
// Where the page is, in the fragment of its address: "#/regions/lab/memory?at=4096".
import { signal } from '@preact/signals';

export interface Route {
  parts: string[];
  query: URLSearchParams;
}

function read(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // no region has such a name
    }
  };
  return { parts: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

export const route = signal<Route>(read());

export function startRoute(): void {
  addEventListener('hashchange', () => {
    route.value = read();
  });
  route.value = read();
}

export function href(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function go(...parts: string[]): void {
  location.hash = href(...parts);
}

/** Without an entry in the browser's history. */
export function goInstead(path: string): void {
  history.replaceState(null, '', path);
  route.value = read();
}
