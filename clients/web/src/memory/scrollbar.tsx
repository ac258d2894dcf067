// SPDX-License-Identifier: LGPL-3.0-or-later
// The bar beside the bytes; one pixel of it may be a gigabyte.
import { useEffect, useRef } from 'preact/hooks';

import { hexOffset } from '../lib/format';
import type { HexGrid } from './hexgrid';

const LEAST = 28;

export function Scrollbar({ grid, version }: { grid: HexGrid | undefined; version: number }) {
  const track = useRef<HTMLDivElement>(null);
  const thumb = useRef<HTMLDivElement>(null);
  const grip = useRef<number>();
  const room = () => {
    const height = track.current!.clientHeight;
    const size = Math.max(LEAST, height * Math.min(1, (grid?.visibleRows ?? 1) / Math.max(1, grid?.rowCount ?? 1)));
    return { height: height - size, size };
  };
  useEffect(() => {
    if (!grid) return;
    const { height, size } = room();
    thumb.current!.style.height = `${size}px`;
    thumb.current!.style.transform = `translateY(${grid.maxTop > 0 ? (grid.top / grid.maxTop) * height : 0}px)`;
  }, [grid, version]);
  const drag = (event: PointerEvent) => {
    if (!grid || grip.current === undefined) return;
    const { height } = room();
    const y = event.clientY - track.current!.getBoundingClientRect().top - grip.current;
    grid.scrollTo(Math.round((Math.min(Math.max(0, y), height) / Math.max(1, height)) * grid.maxTop));
  };
  return (
    <div class="hx-track" ref={track} role="scrollbar" aria-label="Place in the region" aria-controls="hx-box" aria-orientation="vertical"
      aria-valuemin={0} aria-valuemax={100} aria-valuenow={grid && grid.maxTop > 0 ? Math.round((grid.top / grid.maxTop) * 100) : 0}
      aria-valuetext={grid ? hexOffset(grid.from) : undefined}
      onPointerDown={(event) => {
        const box = thumb.current!.getBoundingClientRect();
        const inside = event.clientY >= box.top && event.clientY <= box.bottom;
        grip.current = inside ? event.clientY - box.top : box.height / 2;
        track.current!.setPointerCapture(event.pointerId);
        drag(event);
      }}
      onPointerMove={drag} onPointerUp={() => { grip.current = undefined; }} onPointerCancel={() => { grip.current = undefined; }}>
      <div class="hx-thumb" ref={thumb} />
    </div>
  );
}
