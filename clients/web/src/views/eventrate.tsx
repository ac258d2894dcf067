// SPDX-License-Identifier: LGPL-3.0-or-later
// How many events came in each of the last two minutes' seconds, as bars by type.
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { EVENT_TYPES } from '../api/types';
import { plural } from '../lib/format';
import { colour, paint } from '../lib/theme';
import { KEPT_SECONDS, recentSeconds, version } from '../state/eventlog';

const HEIGHT = 56;

export function EventRate({ region }: { region?: string | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    const draw = () => {
      const ratio = devicePixelRatio || 1;
      const width = element.clientWidth;
      element.width = width * ratio;
      element.height = HEIGHT * ratio;
      const context = element.getContext('2d')!;
      context.scale(ratio, ratio);
      const now = Math.floor(Date.now() / 1000);
      const step = width / KEPT_SECONDS;
      const seconds = recentSeconds();
      const sum = (counts: Partial<Record<string, number>>) => Object.values(counts).reduce<number>((a, b) => a + (b ?? 0), 0);
      const most = Math.max(1, ...seconds.map(({ counts }) => sum(counts)));
      // Many and few are both to be seen: bars grow with the logarithm.
      const scale = (HEIGHT - 6) / Math.log2(most + 1);
      context.fillStyle = colour('--line');
      context.fillRect(0, HEIGHT - 1, width, 1);
      for (const { at, counts } of seconds) {
        const total = sum(counts);
        const high = Math.log2(total + 1) * scale;
        let y = HEIGHT - 1;
        for (const type of EVENT_TYPES) {
          const part = ((counts[type] ?? 0) / total) * high;
          if (part === 0) continue;
          context.fillStyle = colour(`--type-${type}`);
          context.fillRect(width - (now - at + 1) * step + 0.5, y - part, Math.max(1, step - 1), part);
          y -= part;
        }
      }
      const last = seconds.reduce((all, { counts }) => all + sum(counts), 0);
      element.setAttribute('aria-label', `Events a second over two minutes: ${plural(last, 'event')}, at most ${most} in a second`);
    };
    const stop = effect(() => {
      version.value;
      paint.value;
      draw();
    });
    // Time goes on without events.
    const timer = setInterval(() => { if (recentSeconds().length > 0) draw(); }, 1000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);
  return (
    <figure class="eventrate">
      <canvas ref={canvas} role="img" />
      <figcaption class="muted">{region === undefined ? 'events a second, the last two minutes' : 'events of all regions a second, the last two minutes'}</figcaption>
    </figure>
  );
}
