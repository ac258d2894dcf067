// SPDX-License-Identifier: LGPL-3.0-or-later
// Light, dark, or as the system has it. Drawn things need the colours as values.
import { signal } from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'ivshmemd.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'auto';
  } catch {
    return 'auto'; // storage may be forbidden
  }
}

export const theme = signal<Theme>(stored());
/** Counts changes of what colours are, so that drawn things draw anew. */
export const paint = signal(0);

function apply(): void {
  const root = document.documentElement;
  if (theme.value === 'auto') delete root.dataset.theme;
  else root.dataset.theme = theme.value;
  paint.value = paint.peek() + 1;
}

export function setTheme(value: Theme): void {
  theme.value = value;
  try {
    if (value === 'auto') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // Then it lasts as long as the page.
  }
  apply();
}

export function nextTheme(): void {
  const order: Theme[] = ['auto', 'light', 'dark'];
  setTheme(order[(order.indexOf(theme.value) + 1) % order.length]!);
}

export function startTheme(): void {
  dark.addEventListener('change', apply);
  apply();
}

let probe: HTMLElement | undefined;

/** What a custom property comes to now, as canvas takes it. */
export function colour(name: string): string {
  if (!probe) {
    probe = document.createElement('span');
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

export const calm = matchMedia('(prefers-reduced-motion: reduce)');
