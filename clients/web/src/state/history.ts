// SPDX-License-Identifier: LGPL-3.0-or-later
// What a region's numbers have been, one sample a second, for charts.

export const KEPT = 900;

/** Rates, and numbers as they are, by name; all as long as `times`. */
export class History {
  readonly times: number[] = [];
  readonly series = new Map<string, (number | null)[]>();

  push(time: number, values: Record<string, number | null>): void {
    this.times.push(time);
    for (const [name, value] of Object.entries(values)) {
      let list = this.series.get(name);
      if (!list) {
        list = new Array<null>(this.times.length - 1).fill(null);
        this.series.set(name, list);
      }
      list.push(value);
    }
    for (const list of this.series.values()) if (list.length < this.times.length) list.push(null);
    // Now and then, so that not each sample moves all that are kept.
    if (this.times.length > KEPT + 100) {
      this.times.splice(0, 100);
      for (const list of this.series.values()) list.splice(0, 100);
    }
  }

  last(name: string): number {
    return this.series.get(name)?.at(-1) ?? 0;
  }

  recent(name: string, count: number): (number | null)[] {
    return this.series.get(name)?.slice(-count) ?? [];
  }

  /** The samples since a time, and the series of these names beside them. */
  since(time: number, names: string[]): (number | null)[][] {
    let first = this.times.findIndex((at) => at >= time);
    if (first < 0) first = this.times.length;
    return [this.times.slice(first), ...names.map((name) => this.series.get(name)?.slice(first)
      ?? new Array<null>(this.times.length - first).fill(null))];
  }
}
