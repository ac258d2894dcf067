// SPDX-License-Identifier: LGPL-3.0-or-later
// How often, and how lately, each part of a region has changed.
import { hilbertPlaces } from '../lib/hilbert';

/** The grain at which the daemon tells changes of a large range. */
const BLOCK = 4096;
const SMALL_BLOCK = 64;
const MOST_ORDER = 6;
const HALF_LIFE_MS = 4000;
const COLD = 0.004;

export type Shape = 'hilbert' | 'rows';
export type Measure = 'recent' | 'often';

export class Heat {
  readonly cellBytes: number;
  readonly cells: number;
  readonly side: number;
  readonly counts: Float64Array;
  /** When it last changed, in ms of performance.now(); 0: not since we look. */
  readonly last: Float64Array;
  private readonly warmth: Float32Array;
  private readonly warmedAt: Float64Array;
  private readonly curve: Uint32Array;
  private readonly back: Int32Array;

  constructor(readonly size: number) {
    const block = size < BLOCK ? SMALL_BLOCK : BLOCK;
    const blocks = Math.max(1, Math.ceil(size / block));
    // The smallest square that holds all blocks, or the largest that we draw.
    let order = 0;
    while (order < MOST_ORDER && 4 ** order < blocks) order++;
    let cellBytes = block;
    while (Math.ceil(size / cellBytes) > 4 ** order) cellBytes *= 2;
    this.cellBytes = cellBytes;
    this.cells = Math.max(1, Math.ceil(size / cellBytes));
    this.side = 2 ** order;
    this.counts = new Float64Array(this.cells);
    this.last = new Float64Array(this.cells);
    this.warmth = new Float32Array(this.cells);
    this.warmedAt = new Float64Array(this.cells);
    this.curve = hilbertPlaces(order);
    this.back = new Int32Array(this.side * this.side).fill(-1);
    for (let cell = 0; cell < this.cells; cell++) this.back[this.curve[cell]!] = cell;
  }

  add(offset: number, length: number): void {
    if (length <= 0) return;
    const now = performance.now();
    const end = Math.min(this.cells - 1, Math.floor((offset + length - 1) / this.cellBytes));
    for (let cell = Math.floor(offset / this.cellBytes); cell <= end; cell++) {
      this.warmth[cell] = Math.min(4, this.warmthAt(cell, now) + 1);
      this.warmedAt[cell] = now;
      this.counts[cell]!++;
      this.last[cell] = now;
    }
  }

  private warmthAt(cell: number, now: number): number {
    const warmth = this.warmth[cell]!;
    return warmth === 0 ? 0 : warmth * 0.5 ** ((now - this.warmedAt[cell]!) / HALF_LIFE_MS);
  }

  /** 0 to 1, for a colour. */
  level(cell: number, measure: Measure, now: number, most: number): number {
    if (measure === 'often') return most === 0 ? 0 : Math.log1p(this.counts[cell]!) / Math.log1p(most);
    const warmth = this.warmthAt(cell, now);
    return warmth < COLD ? 0 : Math.min(1, Math.sqrt(warmth / 2));
  }

  most(): number {
    let most = 0;
    for (const count of this.counts) if (count > most) most = count;
    return most;
  }

  /** Whether any cell is still to fade. */
  warm(now: number): boolean {
    for (let cell = 0; cell < this.cells; cell++) if (this.warmthAt(cell, now) >= COLD) return true;
    return false;
  }

  place(cell: number, shape: Shape): [number, number] {
    const at = shape === 'hilbert' ? this.curve[cell]! : cell;
    return [at % this.side, Math.floor(at / this.side)];
  }

  /** -1: there is no cell at that place. */
  cellAt(x: number, y: number, shape: Shape): number {
    if (x < 0 || y < 0 || x >= this.side || y >= this.side) return -1;
    const at = y * this.side + x;
    return shape === 'hilbert' ? this.back[at]! : at < this.cells ? at : -1;
  }
}
