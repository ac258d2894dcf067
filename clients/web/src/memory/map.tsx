// SPDX-License-Identifier: LGPL-3.0-or-later
// The whole region as a square of cells that glow where bytes change. It is
// watched only while this is shown.
import { useEffect, useRef, useState } from 'preact/hooks';

import { endWatch, startWatch, type Following } from '../api/watches';
import { formatDuration, formatExact, formatSize, hexOffset } from '../lib/format';
import { calm, colour, paint } from '../lib/theme';
import { epoch } from '../state/link';
import { Choice } from '../ui/choice';
import { Heat, type Measure, type Shape } from './heat';

const INTERVAL_MS = 200;
const FRAME_MS = 66;
const CALM_FRAME_MS = 1000;
const STEPS = 32;
/** To watch more the daemon is asked only when somebody says so. */
const WATCHED_FREELY = 2 ** 30;

const WORDS: Record<Following, string> = {
  waiting: 'beginning to watch…', watching: 'watching', refused: 'not watched', away: 'the stream is away',
};

interface Props {
  region: string;
  size: number;
  /** What the bytes beside it show, and where its cursor is. */
  view: [number, number];
  onJump: (offset: number) => void;
}

/** From the ground colour through the accent to hot, in steps. */
function makeRamp(): string[] {
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const at = i / STEPS;
    const [from, to, part] = at < 0.5 ? ['--map-cold', '--map-warm', at * 2] : ['--map-warm', '--map-hot', at * 2 - 1];
    return mix(colour(from), colour(to), part);
  });
}

function mix(from: string, to: string, part: number): string {
  const a = from.match(/[\d.]+/g)!.map(Number);
  const b = to.match(/[\d.]+/g)!.map(Number);
  return `rgb(${[0, 1, 2].map((i) => Math.round(a[i]! + (b[i]! - a[i]!) * part)).join(',')})`;
}

function draw(canvas: HTMLCanvasElement, heat: Heat, shape: Shape, measure: Measure, view: [number, number],
  pointed: number, ramp: string[]): void {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = canvas.width;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, width);
  const step = width / heat.side;
  const gap = step > 5 ? 1 : step > 3 ? 0.5 : 0;
  const now = performance.now();
  const most = heat.most();
  for (let cell = 0; cell < heat.cells; cell++) {
    const [x, y] = heat.place(cell, shape);
    context.fillStyle = ramp[Math.round(heat.level(cell, measure, now, most) * STEPS)]!;
    context.fillRect(x * step, y * step, step - gap, step - gap);
  }
  const outline = (cell: number, style: string) => {
    const [x, y] = heat.place(cell, shape);
    context.strokeStyle = style;
    context.lineWidth = 1.5;
    context.strokeRect(x * step + 0.75, y * step + 0.75, Math.max(2, step - gap - 1.5), Math.max(2, step - gap - 1.5));
  };
  const last = Math.min(heat.cells - 1, Math.floor(Math.max(view[0], view[1] - 1) / heat.cellBytes));
  for (let cell = Math.floor(view[0] / heat.cellBytes); cell <= last; cell++) outline(cell, colour('--text'));
  if (pointed >= 0) outline(pointed, colour('--focus'));
}

function tell(heat: Heat, cell: number): string {
  const from = cell * heat.cellBytes;
  const to = Math.min(heat.size, from + heat.cellBytes) - 1;
  const count = heat.counts[cell]!;
  const ago = (performance.now() - heat.last[cell]!) / 1000;
  return `${hexOffset(from)} – ${hexOffset(to)}: ${count === 0 ? 'no change seen'
    : `${formatExact(count)} ${count === 1 ? 'change' : 'changes'}, the last ${ago < 1 ? 'just now' : `${formatDuration(ago)} ago`}`}`;
}

export function ActivityMap({ region, size, view, onJump }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const heat = useRef<Heat>();
  const [shape, setShape] = useState<Shape>('hilbert');
  const [measure, setMeasure] = useState<Measure>('recent');
  const [pointed, setPointed] = useState(-1);
  const [following, setFollowing] = useState<[Following, string]>(['waiting', '']);
  const [wanted, setWanted] = useState(size <= WATCHED_FREELY);
  const now = useRef({ shape, measure, view, pointed });
  const redraw = useRef(() => {});
  now.current = { shape, measure, view, pointed };
  if (heat.current?.size !== size) heat.current = new Heat(size);

  useEffect(() => {
    const element = canvas.current!;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ramp = makeRamp();
    let painted = paint.peek();
    const frame = () => {
      timer = undefined;
      if (paint.peek() !== painted) {
        painted = paint.peek();
        ramp = makeRamp();
      }
      const { shape: how, measure: what, view: seen, pointed: at } = now.current;
      draw(element, heat.current!, how, what, seen, at, ramp);
      // It fades, and rests when all is cold.
      if (what === 'recent' && heat.current!.warm(performance.now())) schedule();
    };
    const schedule = () => { timer ??= setTimeout(frame, calm.matches ? CALM_FRAME_MS : FRAME_MS); };
    redraw.current = schedule;
    const stop = paint.subscribe(schedule);
    const observer = new ResizeObserver(frame);
    observer.observe(element);
    return () => {
      stop();
      observer.disconnect();
      clearTimeout(timer);
    };
  }, []);
  useEffect(() => {
    if (!wanted) return undefined;
    const watch = startWatch(region, 0, size, INTERVAL_MS, {
      changed: (offset, length) => {
        heat.current!.add(offset, length);
        redraw.current();
      },
      following: (how, why = '') => setFollowing([how, why]),
    });
    return () => endWatch(watch);
  }, [region, size, wanted, epoch.value]);
  useEffect(() => redraw.current(), [shape, measure, view[0], view[1], pointed]);

  const toCell = (event: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const scale = heat.current!.side / box.width;
    return heat.current!.cellAt(Math.floor((event.clientX - box.left) * scale), Math.floor((event.clientY - box.top) * scale), shape);
  };
  const press = (event: KeyboardEvent) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const at = pointed >= 0 ? pointed : Math.floor(view[0] / heat.current!.cellBytes);
    if (by) {
      const [x, y] = heat.current!.place(at, shape);
      const to = heat.current!.cellAt(x + by[0]!, y + by[1]!, shape);
      if (to >= 0) setPointed(to);
    } else if (event.key === 'Home' || event.key === 'End') {
      setPointed(event.key === 'Home' ? 0 : heat.current!.cells - 1);
    } else if (event.key === 'Enter' || event.key === ' ') {
      onJump(at * heat.current!.cellBytes);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const cell = pointed >= 0 ? pointed : Math.floor(view[0] / heat.current.cellBytes);
  const words = tell(heat.current, Math.min(cell, heat.current.cells - 1));
  return (
    <section class="panel map">
      <div class="map-head">
        <h2 class="panel-title">Activity</h2>
        {wanted ? <span class={`following ${following[0]}`} title={following[1]}><i />{WORDS[following[0]]}</span> : null}
      </div>
      {wanted ? null : (
        <div class="note">
          <p>{`To watch it the daemon reads all of its ${formatSize(size)} again and again, slowly, and fills the holes of a sparse file.`}</p>
          <button type="button" onClick={() => setWanted(true)}>Watch it all</button>
        </div>
      )}
      <canvas ref={canvas} class="map-canvas" tabIndex={0} role="slider" data-keys aria-label="Activity map of the region"
        aria-valuemin={0} aria-valuemax={heat.current.cells - 1} aria-valuenow={cell} aria-valuetext={words}
        onPointerMove={(event) => setPointed(toCell(event))} onPointerLeave={() => setPointed(-1)} onBlur={() => setPointed(-1)}
        onClick={(event) => {
          const at = toCell(event);
          if (at >= 0) onJump(at * heat.current!.cellBytes);
        }} onKeyDown={press} />
      <p class="map-told mono" aria-hidden="true">{words}</p>
      <div class="map-foot">
        <Choice label="Colour" value={measure} onChange={setMeasure} values={[['recent', 'Lately'], ['often', 'Often']]} />
        <Choice label="Order" value={shape} onChange={setShape} values={[['hilbert', 'Curve'], ['rows', 'Rows']]} />
        <span class="map-legend" aria-hidden="true"><span>quiet</span><i /><span>busy</span></span>
      </div>
      <p class="muted map-note">{`A cell is ${formatSize(heat.current.cellBytes)}. ${following[0] === 'refused' ? following[1] : 'Click one to see its bytes.'}`}</p>
    </section>
  );
}
