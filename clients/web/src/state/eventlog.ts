// SPDX-License-Identifier: LGPL-3.0-or-later
// The newest events, a bounded number of them, and how many came each second.
import { signal } from '@preact/signals';

import type { EventType, Happening } from '../api/types';
import { toNumber } from '../lib/number';

export const KEPT_EVENTS = 5000;
export const KEPT_SECONDS = 120;
const TELL_MS = 100;

export interface Entry {
  /** This page's own number: serials may repeat over a daemon's life. */
  key: number;
  event: Happening;
}

/** One second's events, by type. */
export interface Second {
  at: number;
  counts: Partial<Record<EventType, number>>;
}

const entries: Entry[] = [];
const seconds: Second[] = [];
let next = 0;
let pending = false;
let told = -Infinity;

/** Counts additions, not each of them. */
export const version = signal(0);
export const total = signal(0);
/** How many events were lost to us; unknown numbers count as one. */
export const lost = signal(0);

/** The first of a while at once, of a stream of them the sum ten times a second. */
function tell(): void {
  if (pending) return;
  pending = true;
  const wait = Math.max(0, told + TELL_MS - performance.now());
  setTimeout(() => {
    pending = false;
    told = performance.now();
    total.value = next;
    version.value++;
  }, wait);
}

function countSecond(event: Happening): void {
  const at = Math.floor(Date.now() / 1000);
  let second = seconds.at(-1);
  if (!second || second.at !== at) {
    second = { at, counts: {} };
    seconds.push(second);
    while (seconds.length > 0 && seconds[0]!.at < at - KEPT_SECONDS) seconds.shift();
  }
  second.counts[event.type] = (second.counts[event.type] ?? 0) + 1;
}

export function add(event: Happening): void {
  entries.push({ key: next++, event });
  // In pieces: a shift for each would move them all each time.
  if (entries.length > KEPT_EVENTS * 1.2) entries.splice(0, entries.length - KEPT_EVENTS);
  if (event.type === 'lost') lost.value += Math.max(1, toNumber(event.count));
  countSecond(event);
  tell();
}

/** Newest last; not to be kept over a change. */
export function all(): readonly Entry[] {
  return entries;
}

export function recentSeconds(): readonly Second[] {
  return seconds;
}

export function clear(): void {
  entries.length = 0;
  version.value++;
}

/** In words: what happened, without its type and region. */
export function tellOf(event: Happening): string {
  switch (event.type) {
    case 'interrupt':
      return `vector ${event.vector}${toNumber(event.count) > 1 ? `, ${event.count} times` : ''}`;
    case 'peer-connected':
      return `peer ${event.id}${event.vectors ? `, ${event.vectors} vector${event.vectors === 1 ? '' : 's'}` : ''}`;
    case 'peer-disconnected':
      return `peer ${event.id}`;
    case 'state-changed':
      return `${event.state}${event.reason ? `: ${event.reason}` : ''}`;
    case 'region-attached':
      return event.plugin ? `by ${event.plugin}` : '';
    case 'changed':
      return `${event.length} bytes at 0x${toNumber(event.offset).toString(16)}`;
    case 'lost':
      return event.count == null ? 'an unknown number of events was missed' : `${event.count} events were missed`;
    default:
      return event.candidate ?? event.state ?? '';
  }
}
