// SPDX-License-Identifier: LGPL-3.0-or-later
// The bytes at the cursor as numbers; a region's own byte order is little-endian.
import { formatExact, hexOffset, plural } from '../lib/format';

interface Props {
  offset: number;
  selected: number;
  at: (offset: number) => number;
}

function row(name: string, width: number, view: DataView, have: number, read: (view: DataView) => string): [string, string] {
  return [name, have >= width ? read(view) : '–'];
}

function float(value: number): string {
  return Number.isFinite(value) && value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e9)
    ? value.toExponential(6) : String(Number(value.toPrecision(9)));
}

export function Inspector({ offset, selected, at }: Props) {
  const bytes = new Uint8Array(8);
  let have = 0;
  while (have < 8 && at(offset + have) >= 0) bytes[have] = at(offset + have++);
  const view = new DataView(bytes.buffer);
  const rows = [
    row('u8', 1, view, have, (v) => String(v.getUint8(0))), row('i8', 1, view, have, (v) => String(v.getInt8(0))),
    row('u16', 2, view, have, (v) => String(v.getUint16(0, true))), row('i16', 2, view, have, (v) => String(v.getInt16(0, true))),
    row('u32', 4, view, have, (v) => String(v.getUint32(0, true))), row('i32', 4, view, have, (v) => String(v.getInt32(0, true))),
    row('u64', 8, view, have, (v) => String(v.getBigUint64(0, true))), row('i64', 8, view, have, (v) => String(v.getBigInt64(0, true))),
    row('f32', 4, view, have, (v) => float(v.getFloat32(0, true))), row('f64', 8, view, have, (v) => float(v.getFloat64(0, true))),
    row('hex', 8, view, have, (v) => `0x${v.getBigUint64(0, true).toString(16).padStart(16, '0')}`),
    row('bits', 1, view, have, (v) => v.getUint8(0).toString(2).padStart(8, '0')),
  ] as const;
  return (
    <section class="inspector" aria-label="The bytes at the cursor">
      <p class="inspector-at"><span class="mono">{hexOffset(offset)}</span><span class="muted">{formatExact(offset)}</span>
        {selected > 1 ? <span class="chip">{`${plural(selected, 'byte')} selected`}</span> : null}</p>
      <dl>{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd class="mono">{value}</dd></div>)}</dl>
    </section>
  );
}
