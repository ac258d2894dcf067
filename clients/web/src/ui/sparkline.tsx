// SPDX-License-Identifier: LGPL-3.0-or-later

const WIDTH = 96;
const HEIGHT = 24;
const SAMPLES = 60;

/** A minute of a rate as a small area; its own scale, and flat while there is nothing. */
export function Sparkline({ values, label }: { values: (number | null)[]; label: string }) {
  const top = Math.max(0, ...values.map((value) => value ?? 0));
  const step = WIDTH / (SAMPLES - 1);
  const first = SAMPLES - values.length;
  let line = '';
  if (top > 0) {
    values.forEach((value, i) => {
      const x = ((first + i) * step).toFixed(1);
      const y = (HEIGHT - 2 - ((value ?? 0) / top) * (HEIGHT - 5)).toFixed(1);
      line += `${i === 0 ? 'M' : 'L'}${x} ${y}`;
    });
  }
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path class="sparkline-floor" d={`M0 ${HEIGHT - 1.5}H${WIDTH}`} />
      {line ? <path class="sparkline-area" d={`${line}V${HEIGHT - 2}H${(first * step).toFixed(1)}Z`} /> : null}
      {line ? <path class="sparkline-line" d={line} /> : null}
    </svg>
  );
}
