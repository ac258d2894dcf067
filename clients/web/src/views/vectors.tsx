// SPDX-License-Identifier: LGPL-3.0-or-later
// A light for each vector of the daemon's own: it flashes as the vector is rung.
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

import { formatCount } from '../lib/format';
import type { RegionState } from '../state/regions';

const MOST = 256;

export function Vectors({ state }: { state: RegionState }) {
  const list = useRef<HTMLUListElement>(null);
  const count = Math.min(state.region.value.vectors, MOST);
  useEffect(() => {
    const shown = new Map<number, number>();
    let frame = 0;
    const draw = () => {
      frame = 0;
      for (const [vector, { at, total }] of state.lights) {
        const light = list.current?.children[vector] as HTMLElement | undefined;
        if (!light || shown.get(vector) === at) continue;
        // Two animations that are the same: to change from one to the other is to begin anew.
        const flash = light.classList.contains('flash-a') ? 'flash-b' : 'flash-a';
        light.classList.remove('flash-a', 'flash-b');
        if (shown.has(vector) || performance.now() - at < 1000) light.classList.add(flash);
        light.classList.add('heard');
        light.querySelector('.light-total')!.textContent = formatCount(total);
        shown.set(vector, at);
      }
    };
    const stop = effect(() => {
      state.lit.value;
      if (!frame) frame = requestAnimationFrame(draw);
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [state, count]);
  return (
    <section class="panel">
      <h2 class="panel-title">Vectors of the daemon<span class="muted">{` · interrupts heard since this page was opened`}</span></h2>
      <ul class="lights" ref={list}>
        {[...Array(count).keys()].map((vector) => (
          <li key={vector} class="light">
            <span class="light-name"><span class="hidden">vector </span>{vector}</span><span class="light-total">0</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
