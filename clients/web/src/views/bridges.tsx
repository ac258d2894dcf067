// SPDX-License-Identifier: LGPL-3.0-or-later
import { Empty } from '../ui/empty';

export function Bridges() {
  return (
    <>
      <div class="view-head"><h1>Bridges</h1></div>
      <Empty title="No bridges yet"
        drawing={(
          <svg viewBox="0 0 320 110" aria-hidden="true">
            <g class="draw-box"><rect x="8" y="22" width="96" height="66" rx="10" /><rect x="216" y="22" width="96" height="66" rx="10" /></g>
            <path class="draw-line" d="M104 55h112" />
            {[...Array(8).keys()].map((i) => (
              <g key={i} class={i % 3 === 0 ? 'draw-cell hot' : 'draw-cell'}>
                <rect x={22 + (i % 4) * 18} y={36 + Math.floor(i / 4) * 20} width="13" height="13" rx="3" />
                <rect x={230 + (i % 4) * 18} y={36 + Math.floor(i / 4) * 20} width="13" height="13" rx="3" />
              </g>
            ))}
          </svg>
        )}>
        <p>A bridge keeps a region here and a region of another ivshmemd the same over TCP, doorbells included,
          so that guests on different hosts ring each other as if they shared one.</p>
        <p>This daemon has no bridges. They will be shown here with their state, lag and traffic.</p>
      </Empty>
    </>
  );
}
