// SPDX-License-Identifier: LGPL-3.0-or-later
// The bytes of a region around what is looked at, when each last changed, and
// the ones that were typed but not yet written.
import { api } from '../api/client';

export const PAGE = 4096;
/** Pages that are kept; what is far from the view goes first. */
const MOST_PAGES = 64;
/** One request's worth. */
const MOST_READ = 16 * PAGE;

interface Page {
  bytes: Uint8Array;
  /** When each byte was seen to change, in ms of performance.now(); 0: not. */
  changed: Float64Array;
}

export interface Edit {
  /** What was there when it was typed over. */
  was: number;
  value: number;
}

export class Bytes {
  private pages = new Map<number, Page>();
  private busy = false;
  private again: [number, number] | undefined;
  private abort = new AbortController();
  readonly edits = new Map<number, Edit>();
  /** Something is to be drawn anew. */
  onUpdate: () => void = () => {};
  onError: (error: unknown) => void = () => {};

  constructor(readonly region: string, readonly size: number) {}

  end(): void {
    this.abort.abort();
  }

  /** -1: not known yet. */
  at(offset: number): number {
    const page = this.pages.get(Math.floor(offset / PAGE));
    return page ? page.bytes[offset % PAGE] ?? -1 : -1;
  }

  changedAt(offset: number): number {
    return this.pages.get(Math.floor(offset / PAGE))?.changed[offset % PAGE] ?? 0;
  }

  has(from: number, to: number): boolean {
    for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) if (!this.pages.has(page)) return false;
    return true;
  }

  /** Reads [from, to) anew. While a read runs, what is asked for is put together. */
  refresh(from: number, to: number): void {
    if (this.busy) {
      this.again = this.again ? [Math.min(this.again[0], from), Math.max(this.again[1], to)] : [from, to];
      return;
    }
    this.busy = true;
    void this.read(from, to).finally(() => {
      this.busy = false;
      const next = this.again;
      this.again = undefined;
      if (next && !this.abort.signal.aborted) this.refresh(...next);
    });
  }

  private async read(from: number, to: number): Promise<void> {
    let start = Math.max(0, Math.floor(from / PAGE) * PAGE);
    const end = Math.min(this.size, Math.ceil(to / PAGE) * PAGE, start + MOST_PAGES * PAGE);
    try {
      while (start < end) {
        const length = Math.min(MOST_READ, end - start);
        this.take(start, await api.read(this.region, start, length, this.abort.signal));
        start += length;
      }
    } catch (error) {
      if (!this.abort.signal.aborted) this.onError(error);
    }
  }

  private take(start: number, bytes: Uint8Array): void {
    const now = performance.now();
    for (let at = 0; at < bytes.length; at += PAGE) {
      const number = (start + at) / PAGE;
      const fresh = bytes.slice(at, at + PAGE);
      const page = this.pages.get(number);
      if (page) {
        for (let i = 0; i < fresh.length; i++) if (page.bytes[i] !== fresh[i]) page.changed[i] = now;
        page.bytes = fresh;
      } else {
        this.pages.set(number, { bytes: fresh, changed: new Float64Array(fresh.length) });
      }
    }
    this.trim(start);
    this.onUpdate();
  }

  private trim(near: number): void {
    if (this.pages.size <= MOST_PAGES * 2) return;
    const middle = near / PAGE;
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const number of far.slice(0, this.pages.size - MOST_PAGES)) this.pages.delete(number);
  }

  edit(offset: number, value: number): void {
    const was = this.edits.get(offset)?.was ?? this.at(offset);
    if (was < 0) return;
    if (was === value && this.at(offset) === value) this.edits.delete(offset);
    else this.edits.set(offset, { was, value });
    this.onUpdate();
  }

  revert(offset?: number): void {
    if (offset === undefined) this.edits.clear();
    else this.edits.delete(offset);
    this.onUpdate();
  }

  /** The typed bytes as runs without gaps, in order. */
  runs(): { offset: number; bytes: Uint8Array<ArrayBuffer> }[] {
    const offsets = [...this.edits.keys()].sort((a, b) => a - b);
    const runs: { offset: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
    for (let first = 0; first < offsets.length;) {
      let last = first;
      while (offsets[last + 1] === offsets[last]! + 1) last++;
      const bytes = Uint8Array.from(offsets.slice(first, last + 1), (offset) => this.edits.get(offset)!.value);
      runs.push({ offset: offsets[first]!, bytes });
      first = last + 1;
    }
    return runs;
  }

  /** Typed bytes that somebody else has changed meanwhile. */
  conflicts(): number {
    let count = 0;
    for (const [offset, { was }] of this.edits) if (this.at(offset) >= 0 && this.at(offset) !== was) count++;
    return count;
  }

  /** Only what was typed is written, run by run; what has been written is no edit any more. */
  async write(): Promise<number> {
    let written = 0;
    for (const { offset, bytes } of this.runs()) {
      await api.write(this.region, offset, bytes);
      for (let i = 0; i < bytes.length; i++) this.edits.delete(offset + i);
      written += bytes.length;
      this.refresh(offset, offset + bytes.length);
    }
    this.onUpdate();
    return written;
  }
}
