// SPDX-License-Identifier: LGPL-3.0-or-later
// The regions as they were last heard of, and what their numbers have been.
import { batch, signal, type Signal } from '@preact/signals';

import type { Happening, Region } from '../api/types';
import { toNumber } from '../lib/number';
import { History } from './history';

export interface RegionState {
  region: Signal<Region>;
  history: History;
  /** Counts samples, so that drawn things follow. */
  samples: Signal<number>;
  /** When each vector was last heard, and how often: for its light. */
  lights: Map<number, { at: number; total: number }>;
  lit: Signal<number>;
}

interface Before {
  at: number;
  statistics: Region['statistics'];
}

/** Vectors that have a line of their own; the others share one. */
const VECTOR_SERIES = 16;
const SAMPLE_LEAST_MS = 700;

/** r2 before r10. */
const byName = new Intl.Collator(undefined, { numeric: true }).compare;

export const names = signal<string[]>([]);
/** FALSE until the first answer. */
export const known = signal(false);
const states = new Map<string, RegionState>();
const before = new Map<string, Before>();
/** Interrupts since the last sample, by region and series. */
const heard = new Map<string, Map<string, number>>();

export function vectorSeries(vector: number): string {
  return vector < VECTOR_SERIES ? `vector ${vector}` : 'others';
}

export function find(name: string): RegionState | undefined {
  return states.get(name);
}

function make(region: Region): RegionState {
  const state: RegionState = {
    region: signal(region), history: new History(), samples: signal(0), lights: new Map(), lit: signal(0),
  };
  states.set(region.name, state);
  return state;
}

export function update(region: Region): void {
  const state = states.get(region.name) ?? make(region);
  // Most samples of an idle region say the same.
  if (JSON.stringify(state.region.peek()) !== JSON.stringify(region)) state.region.value = region;
  if (!names.peek().includes(region.name)) names.value = [...names.peek(), region.name].sort(byName);
}

export function remove(name: string): void {
  states.delete(name);
  before.delete(name);
  heard.delete(name);
  if (names.peek().includes(name)) names.value = names.peek().filter((other) => other !== name);
}

function rate(now: Before, then: Before, name: string): number {
  const passed = (now.at - then.at) / 1000;
  // A counter that went back is another daemon's.
  return Math.max(0, toNumber(now.statistics[name]) - toNumber(then.statistics[name])) / passed;
}

function sample(state: RegionState, at: number): void {
  const region = state.region.peek();
  const now = { at, statistics: region.statistics };
  const then = before.get(region.name);
  // Events bring looks between the regular ones: rates over a moment would jump.
  if (then && at - then.at < SAMPLE_LEAST_MS) return;
  before.set(region.name, now);
  if (!then) return;
  const values: Record<string, number | null> = {
    read: rate(now, then, 'read_bytes'),
    written: rate(now, then, 'written_bytes'),
    received: rate(now, then, 'interrupts_received'),
    sent: rate(now, then, 'interrupts_sent'),
    peers: region.peer_count,
  };
  const vectors = heard.get(region.name);
  for (const name of state.history.series.keys()) {
    if (name.startsWith('vector ') || name === 'others') values[name] = 0;
  }
  for (const [name, count] of vectors ?? []) values[name] = count / ((at - then.at) / 1000);
  vectors?.clear();
  state.history.push(at / 1000, values);
  state.samples.value++;
}

/** All that there are now. */
export function replace(regions: Region[]): void {
  const at = Date.now();
  batch(() => {
    const there = new Set(regions.map((region) => region.name));
    for (const name of [...states.keys()]) if (!there.has(name)) remove(name);
    for (const region of regions) {
      const state = states.get(region.name) ?? make(region);
      update(region);
      sample(state, at);
    }
    const sorted = [...there].sort(byName);
    // The same names are no news.
    if (sorted.join('/') !== names.peek().join('/')) names.value = sorted;
    known.value = true;
  });
}

/** A gap: rates over it would say nothing. */
export function interrupted(): void {
  before.clear();
  heard.clear();
}

export function hear(event: Happening): void {
  const state = event.region === undefined ? undefined : states.get(event.region);
  if (!state || event.type !== 'interrupt' || event.vector === undefined) return;
  const count = toNumber(event.count);
  const light = state.lights.get(event.vector) ?? { at: 0, total: 0 };
  light.at = performance.now();
  light.total += count;
  state.lights.set(event.vector, light);
  state.lit.value++;
  let counts = heard.get(state.region.peek().name);
  if (!counts) heard.set(state.region.peek().name, counts = new Map());
  const name = vectorSeries(event.vector);
  counts.set(name, (counts.get(name) ?? 0) + count);
}
