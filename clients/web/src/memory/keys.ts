// SPDX-License-Identifier: LGPL-3.0-or-later
// What keys, wheel and pointer do to the bytes.
import { ROW_HEIGHT, type HexGrid } from './hexgrid';

export interface Commands {
  jump: () => void;
  arm: () => void;
  disarm: () => void;
  write: () => void;
}

function step(grid: HexGrid, event: KeyboardEvent): number | undefined {
  const { cursor, columns, bytes, visibleRows } = grid;
  const inRow = cursor % columns;
  switch (event.key) {
    case 'ArrowLeft': return cursor - 1;
    case 'ArrowRight': return cursor + 1;
    case 'ArrowUp': return cursor - columns < 0 ? cursor : cursor - columns;
    case 'ArrowDown': return cursor + columns >= bytes.size ? cursor : cursor + columns;
    case 'PageUp': return Math.max(inRow, cursor - columns * visibleRows);
    case 'PageDown': return cursor + columns * visibleRows;
    case 'Home': return event.ctrlKey ? 0 : cursor - inRow;
    case 'End': return event.ctrlKey ? bytes.size - 1 : cursor - inRow + columns - 1;
    default: return undefined;
  }
}

function type(grid: HexGrid, key: string): boolean {
  const { bytes, cursor } = grid;
  if (grid.pane === 'text') {
    const code = key.charCodeAt(0);
    if (code < 0x20 || code > 0x7e) return false;
    bytes.edit(cursor, code);
    grid.moveTo(cursor + 1);
    return true;
  }
  const digit = Number.parseInt(key, 16);
  if (!/^[0-9a-f]$/i.test(key)) return false;
  if (grid.half === undefined) {
    grid.half = digit;
    grid.draw();
  } else {
    bytes.edit(cursor, grid.half * 16 + digit);
    grid.moveTo(cursor + 1);
  }
  return true;
}

function press(grid: HexGrid, commands: Commands, event: KeyboardEvent): boolean {
  if (event.altKey || event.metaKey) return false;
  const to = step(grid, event);
  if (to !== undefined) {
    grid.moveTo(to, event.shiftKey);
    return true;
  }
  if (event.ctrlKey) {
    if (event.key !== 'Enter' || !grid.armed) return false;
    commands.write();
    return true;
  }
  if (grid.armed) {
    if (event.key === 'Escape') {
      commands.disarm();
      return true;
    }
    if (event.key === 'Backspace' || event.key === 'Delete') {
      if (grid.half !== undefined) {
        grid.half = undefined;
        grid.draw();
      } else {
        grid.bytes.revert(grid.cursor);
        if (event.key === 'Backspace') grid.moveTo(grid.cursor - 1);
      }
      return true;
    }
    return event.key.length === 1 && type(grid, event.key);
  }
  if (event.key === 'g') commands.jump();
  else if (event.key === 'e') commands.arm();
  else return false;
  return true;
}

/** The selected bytes, as hex digits or as text. */
function copy(grid: HexGrid, event: ClipboardEvent): void {
  const [from, to] = grid.selection;
  const values: number[] = [];
  for (let at = from; at <= to && values.length < 65536; at++) values.push(Math.max(0, grid.bytes.at(at)));
  event.clipboardData?.setData('text/plain', grid.pane === 'text'
    ? String.fromCharCode(...values.slice(0, 8192)) : values.map((value) => value.toString(16).padStart(2, '0')).join(' '));
  event.preventDefault();
}

/** Pasted digits or text become edits, as if typed. */
function paste(grid: HexGrid, event: ClipboardEvent): void {
  if (!grid.armed) return;
  event.preventDefault();
  const text = event.clipboardData?.getData('text/plain') ?? '';
  const digits = text.replace(/0x|[\s,:]/gi, '');
  const values = grid.pane === 'text' ? [...new TextEncoder().encode(text)]
    : /^([0-9a-f]{2})+$/i.test(digits) ? digits.match(/../g)!.map((pair) => Number.parseInt(pair, 16)) : [];
  values.slice(0, 4096).forEach((value, i) => grid.bytes.edit(grid.cursor + i, value));
  if (values.length > 0) grid.moveTo(grid.cursor + Math.min(values.length, 4096));
}

function pointed(grid: HexGrid, event: PointerEvent): { offset: number; pane: 'hex' | 'text' } | undefined {
  const cell = (document.elementFromPoint(event.clientX, event.clientY) as HTMLElement | null)?.closest<HTMLElement>('[data-at]');
  const row = cell?.closest('.hx-row');
  if (!cell || !row || !grid.inner.contains(row)) return undefined;
  const number = [...grid.inner.children].indexOf(row);
  return {
    offset: (Math.floor(grid.top) + number) * grid.columns + Number(cell.dataset.at),
    pane: cell.dataset.pane === 'text' ? 'text' : 'hex',
  };
}

/** A mouse selects; a finger scrolls, and a tap moves the cursor. */
function watchPointer(grid: HexGrid, signal: AbortSignal): void {
  let drag: { y: number; top: number; touch: boolean; moved: boolean } | undefined;
  const { box } = grid;
  box.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    drag = { y: event.clientY, top: grid.top, touch: event.pointerType === 'touch', moved: false };
    const place = pointed(grid, event);
    if (!drag.touch && place) {
      grid.pane = place.pane;
      grid.moveTo(place.offset, event.shiftKey);
    }
    box.setPointerCapture(event.pointerId);
  }, { signal });
  box.addEventListener('pointermove', (event) => {
    if (!drag) return;
    if (Math.abs(event.clientY - drag.y) > 4) drag.moved = true;
    if (drag.touch) {
      grid.scrollTo(drag.top - (event.clientY - drag.y) / ROW_HEIGHT);
    } else {
      const place = pointed(grid, event);
      if (place && place.offset !== grid.cursor) grid.moveTo(place.offset, true);
    }
  }, { signal });
  const end = (event: PointerEvent) => {
    const place = drag?.touch && !drag.moved ? pointed(grid, event) : undefined;
    if (place) {
      grid.pane = place.pane;
      grid.moveTo(place.offset);
    }
    drag = undefined;
  };
  box.addEventListener('pointerup', end, { signal });
  box.addEventListener('pointercancel', () => { drag = undefined; }, { signal });
}

export function listen(grid: HexGrid, commands: Commands): () => void {
  const end = new AbortController();
  const { signal } = end;
  grid.box.addEventListener('keydown', (event) => {
    if (press(grid, commands, event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, { signal });
  grid.box.addEventListener('wheel', (event) => {
    if (event.ctrlKey) return;
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * ROW_HEIGHT * (event.deltaMode === 2 ? grid.visibleRows : 1);
    // With Shift a notch is a thousand rows: large regions are long.
    grid.scrollTo(grid.top + (pixels / ROW_HEIGHT) * (event.shiftKey ? 1000 : 1));
  }, { signal, passive: false });
  grid.box.addEventListener('copy', (event) => copy(grid, event), { signal });
  grid.box.addEventListener('paste', (event) => paste(grid, event), { signal });
  watchPointer(grid, signal);
  return () => end.abort();
}
