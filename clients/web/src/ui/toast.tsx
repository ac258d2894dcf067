// SPDX-License-Identifier: LGPL-3.0-or-later
// Short words about what was done. Bad news stays until it is put away.
import { signal } from '@preact/signals';

import { Problem } from '../api/client';
import { Icon } from './icon';

interface Toast {
  key: number;
  kind: 'good' | 'bad';
  text: string;
  detail?: string;
}

const GOOD_MS = 5000;
const MOST = 4;

const toasts = signal<Toast[]>([]);
let next = 0;

function put(toast: Omit<Toast, 'key'>): number {
  const key = next++;
  toasts.value = [...toasts.value, { ...toast, key }].slice(-MOST);
  return key;
}

function drop(key: number): void {
  toasts.value = toasts.value.filter((toast) => toast.key !== key);
}

export function sayGood(text: string): void {
  const key = put({ kind: 'good', text });
  setTimeout(() => drop(key), GOOD_MS);
}

export function sayBad(text: string, error: unknown): void {
  const detail = error instanceof Error ? error.message : String(error);
  put({ kind: 'bad', text, detail: error instanceof Problem && error.code ? `${detail} (${error.code})` : detail });
}

export function Toasts() {
  return (
    <div class="toasts" role="log" aria-live="polite" aria-label="Messages">
      {toasts.value.map(({ key, kind, text, detail }) => (
        <div key={key} class={`toast ${kind}`}>
          <Icon name={kind === 'good' ? 'check' : 'warning'} />
          <p><strong>{text}</strong>{detail ? <span>{detail}</span> : null}</p>
          <button type="button" class="quiet square" aria-label="Dismiss" onClick={() => drop(key)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
