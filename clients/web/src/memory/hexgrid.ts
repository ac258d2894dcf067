// SPDX-License-Identifier: LGPL-3.0-or-later
// Draws rows of bytes into a fixed set of elements and scrolls by itself: a
// browser's own scrolling ends at some millions of pixels, regions do not.
import { hex } from '../lib/format';
import { calm } from '../lib/theme';
import type { Bytes } from './bytes';

export const ROW_HEIGHT = 22;
/** A changed byte is marked, and the mark fades in steps: an animation of many cells would keep a machine busy. */
const HOT_MS = 2400;
const HOT_STEPS = 6;

export type Pane = 'hex' | 'text';

interface RowElements {
  row: HTMLElement;
  offset: HTMLElement;
  cells: HTMLElement[];
  texts: HTMLElement[];
}

/** How a byte looks that is neither marked nor changed. */
function kind(value: number): string {
  if (value < 0) return 'none';
  if (value === 0) return 'zero';
  if (value === 0xff) return 'full';
  return value >= 0x20 && value < 0x7f ? 'text' : 'other';
}

function letter(value: number): string {
  return value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : value < 0 ? ' ' : '·';
}

/** Only where it differs: to set what is there already costs a browser as much. */
function setClass(element: HTMLElement, name: string): void {
  if (element.className !== name) element.className = name;
}

export class HexGrid {
  /** The first row, with the part of it that is above the view. */
  top = 0;
  columns = 16;
  cursor = 0;
  /** The other end of the selection. */
  anchor = 0;
  pane: Pane = 'hex';
  armed = false;
  /** The first digit of a byte that is being typed. */
  half: number | undefined;
  onMove: () => void = () => {};
  onScroll: () => void = () => {};
  private rows: RowElements[] = [];
  private frame = 0;
  private cooling = 0;

  constructor(readonly box: HTMLElement, readonly inner: HTMLElement, readonly bytes: Bytes) {}

  end(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.cooling);
  }

  get rowCount(): number {
    return Math.ceil(this.bytes.size / this.columns);
  }

  get visibleRows(): number {
    return Math.max(1, Math.floor(this.box.clientHeight / ROW_HEIGHT));
  }

  get maxTop(): number {
    return Math.max(0, this.rowCount - this.visibleRows);
  }

  get from(): number {
    return Math.floor(this.top) * this.columns;
  }

  get to(): number {
    return Math.min(this.bytes.size, (Math.floor(this.top) + this.visibleRows + 1) * this.columns);
  }

  get selection(): [number, number] {
    return [Math.min(this.cursor, this.anchor), Math.max(this.cursor, this.anchor)];
  }

  /** As many columns as fit, of 8, 16 and 32. */
  layout(): void {
    const width = this.box.clientWidth;
    const probe = this.inner.querySelector<HTMLElement>('.hx-offset');
    const letterWidth = probe && probe.textContent ? probe.getBoundingClientRect().width / probe.textContent.length : 8;
    // An offset, and for each byte two digits and a letter with their gaps, as the style sheet has them.
    const need = (columns: number) => (this.offsetDigits + 3.8 + columns * 3.8 + columns / 8) * letterWidth;
    const fits = [32, 16].find((columns) => need(columns) <= width - 18) ?? 8;
    if (fits !== this.columns || this.rows.length === 0) {
      const first = this.from;
      this.columns = fits;
      this.top = Math.floor(first / fits);
      this.rows = [];
      this.inner.replaceChildren();
    }
    this.resize();
    this.scrollTo(this.top);
  }

  get offsetDigits(): number {
    return Math.max(8, (this.bytes.size - 1).toString(16).length);
  }

  private makeRow(number: number): RowElements {
    const row = document.createElement('div');
    row.className = 'hx-row';
    row.setAttribute('role', 'row');
    const offset = document.createElement('span');
    offset.className = 'hx-offset';
    offset.setAttribute('role', 'rowheader');
    row.append(offset);
    const make = (column: number, pane: Pane) => {
      const cell = document.createElement('span');
      cell.dataset.at = String(column);
      cell.dataset.pane = pane;
      if (pane === 'hex') {
        cell.setAttribute('role', 'gridcell');
        cell.id = `hx-${number}-${column}`;
      } else {
        cell.setAttribute('aria-hidden', 'true');
      }
      return cell;
    };
    const cells = Array.from({ length: this.columns }, (_, i) => make(i, 'hex'));
    const texts = Array.from({ length: this.columns }, (_, i) => make(i, 'text'));
    const text = document.createElement('span');
    text.className = 'hx-text';
    text.append(...texts);
    row.append(...cells, text);
    this.inner.append(row);
    return { row, offset, cells, texts };
  }

  private resize(): void {
    const wanted = this.visibleRows + 2;
    while (this.rows.length < wanted) this.rows.push(this.makeRow(this.rows.length));
    while (this.rows.length > wanted) this.rows.pop()!.row.remove();
    this.draw();
  }

  scrollTo(top: number): void {
    this.top = Math.min(Math.max(0, top), this.maxTop);
    this.onScroll();
    this.draw();
  }

  reveal(offset: number): void {
    const row = Math.floor(offset / this.columns);
    if (row < this.top) this.scrollTo(row);
    else if (row > this.top + this.visibleRows - 1) this.scrollTo(row - this.visibleRows + 1);
  }

  moveTo(offset: number, select = false): void {
    this.cursor = Math.min(Math.max(0, offset), Math.max(0, this.bytes.size - 1));
    if (!select) this.anchor = this.cursor;
    this.half = undefined;
    this.reveal(this.cursor);
    this.onMove();
    this.draw();
  }

  /** Where a byte is brought from afar: in the upper third. */
  jump(offset: number): void {
    this.scrollTo(Math.floor(offset / this.columns) - Math.floor(this.visibleRows / 3));
    this.moveTo(offset);
  }

  draw(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    const now = performance.now();
    const first = Math.floor(this.top);
    this.inner.style.transform = `translateY(${-Math.round((this.top - first) * ROW_HEIGHT)}px)`;
    let hottest = 0;
    this.rows.forEach((row, i) => {
      hottest = Math.max(hottest, this.paintRow(row, (first + i) * this.columns, first + i, now));
    });
    this.box.setAttribute('aria-rowcount', String(this.rowCount));
    const at = Math.floor(this.cursor / this.columns) - first;
    if (at >= 0 && at < this.rows.length) this.box.setAttribute('aria-activedescendant', `hx-${at}-${this.cursor % this.columns}`);
    else this.box.removeAttribute('aria-activedescendant');
    clearTimeout(this.cooling);
    if (hottest > 0) this.cooling = window.setTimeout(() => this.draw(), calm.matches ? Math.max(50, hottest + HOT_MS - now + 20) : HOT_MS / HOT_STEPS);
  }

  /** When the newest change in it was. */
  private paintRow({ row, offset, cells, texts }: RowElements, start: number, number: number, now: number): number {
    const there = start < this.bytes.size;
    row.hidden = !there;
    if (!there) return 0;
    row.setAttribute('aria-rowindex', String(number + 1));
    const label = hex(start, this.offsetDigits);
    if (offset.textContent !== label) offset.textContent = label;
    let hottest = 0;
    for (let i = 0; i < cells.length; i++) {
      const changed = this.paintCell(cells[i]!, texts[i]!, start + i, now);
      if (now - changed < HOT_MS) hottest = Math.max(hottest, changed);
    }
    return hottest;
  }

  private paintCell(cell: HTMLElement, text: HTMLElement, offset: number, now: number): number {
    const there = offset < this.bytes.size;
    const seen = there ? this.bytes.at(offset) : -1;
    const edit = this.bytes.edits.get(offset);
    const value = edit ? edit.value : seen;
    const changed = this.bytes.changedAt(offset);
    const typing = this.half !== undefined && offset === this.cursor && this.pane === 'hex';
    const digits = !there ? '' : typing ? `${hex(this.half!)}_` : value < 0 ? '··' : hex(value, 2);
    if (cell.textContent !== digits) cell.textContent = digits;
    const symbol = there ? letter(value) : '';
    if (text.textContent !== symbol) text.textContent = symbol;
    let look = kind(there ? value : -1);
    const [from, to] = this.selection;
    if (from !== to && offset >= from && offset <= to) look += ' picked';
    if (edit) look += seen !== edit.was ? ' edited clash' : ' edited';
    if (changed > 0 && now - changed < HOT_MS) look += ` hot hot-${calm.matches ? 0 : Math.floor(((now - changed) / HOT_MS) * HOT_STEPS)}`;
    const at = there && offset === this.cursor;
    setClass(cell, `hx-cell ${look}${at ? (this.pane === 'hex' ? ' cursor' : ' cursor-twin') : ''}`);
    setClass(text, `hx-letter ${look}${at ? (this.pane === 'text' ? ' cursor' : ' cursor-twin') : ''}`);
    return changed;
  }
}
