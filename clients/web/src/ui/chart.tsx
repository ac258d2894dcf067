// SPDX-License-Identifier: LGPL-3.0-or-later
// A chart of a region's history by uPlot, that follows its samples.
import 'uplot/dist/uPlot.min.css';

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

import { colour, paint } from '../lib/theme';
import type { RegionState } from '../state/regions';

export interface Line {
  name: string;
  label: string;
}

interface Props {
  title: string;
  region: RegionState;
  /** What is drawn; asked at each sample, since vectors come as they are heard. */
  lines: () => Line[];
  format: (value: number) => string;
  seconds: number;
  stepped?: boolean;
  /** Its axis has powers of two. */
  binary?: boolean;
}

const HEIGHT = 190;
const COLOURS = 8;
const POWERS = Array.from({ length: 63 }, (_, i) => 2 ** i);
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const FONT = '11px system-ui, sans-serif';

function makeOptions({ title, format, stepped, binary }: Props, lines: Line[], width: number): uPlot.Options {
  const text = colour('--muted');
  const grid = { stroke: colour('--line'), width: 1 };
  const ticks = { stroke: colour('--line'), width: 1, size: 4 };
  const paths = stepped ? uPlot.paths.stepped!({ align: 1 }) : uPlot.paths.linear!();
  return {
    width, height: HEIGHT, padding: [10, 8, 0, 0],
    cursor: { sync: { key: 'region' }, y: false, points: { size: 7 }, drag: { x: false, y: false } },
    legend: { show: true, live: true },
    scales: { x: { time: true, auto: false }, y: { auto: false } },
    axes: [
      { stroke: text, grid: { show: false }, ticks, font: FONT, size: 26, space: 80,
        values: (_plot, times) => times.map((time) => clock.format(time * 1000)) },
      { stroke: text, grid, ticks: { show: false }, font: FONT, size: 62, space: 32, gap: 6,
        ...(binary ? { incrs: POWERS } : {}),
        values: (_plot, values) => values.map((value) => (stepped && !Number.isInteger(value) ? '' : format(value))) },
    ],
    series: [
      { label: title, value: (_plot, time) => (time == null ? '' : new Date(time * 1000).toLocaleTimeString()) },
      ...lines.map(({ label }, i): uPlot.Series => {
        const stroke = colour(`--series-${(i % COLOURS) + 1}`);
        return {
          label, stroke, width: 1.75, paths, points: { show: false },
          fill: lines.length === 1 ? stroke.replace('rgb(', 'rgba(').replace(')', ', .12)') : '',
          value: (_plot, value) => (value == null ? '–' : format(value)),
        };
      }),
    ],
  };
}

/** A little more than the highest, so that a line never touches the frame. */
function top(data: uPlot.AlignedData): number {
  let most = 0;
  for (const list of data.slice(1)) for (const value of list) most = Math.max(most, value ?? 0);
  return most > 0 ? most * 1.12 : 1;
}

export function Chart(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const { region, lines, seconds, title, format } = props;
  useEffect(() => {
    const div = place.current!;
    let plot: uPlot | undefined;
    let drawn = '';
    const draw = () => {
      const now = lines();
      const wanted = JSON.stringify([now, paint.value]);
      const end = Date.now() / 1000;
      const data = region.history.since(end - seconds, now.map(({ name }) => name)) as uPlot.AlignedData;
      if (wanted !== drawn) {
        plot?.destroy();
        plot = new uPlot(makeOptions(props, now, div.clientWidth), data, div);
        drawn = wanted;
      } else {
        plot!.setData(data, false);
      }
      plot!.batch(() => {
        plot!.setScale('x', { min: end - seconds, max: end });
        plot!.setScale('y', { min: 0, max: top(data) });
      });
      // Without a pointer the legend tells of now.
      if (plot!.cursor.idx == null) plot!.setLegend({ idx: data[0].length - 1 });
      const last = now.map(({ name, label }) => `${label} ${format(region.history.last(name))}`).join(', ');
      div.setAttribute('aria-label', `${title}, now: ${last || 'nothing'}`);
    };
    const stop = effect(() => {
      region.samples.value;
      paint.value;
      draw();
    });
    const observer = new ResizeObserver(() => plot?.setSize({ width: div.clientWidth, height: HEIGHT }));
    observer.observe(div);
    return () => {
      stop();
      observer.disconnect();
      plot?.destroy();
    };
  }, [region, seconds]);
  return (
    <section class="panel chart">
      <h3 class="panel-title">{title}</h3>
      <div ref={place} role="img" />
    </section>
  );
}
