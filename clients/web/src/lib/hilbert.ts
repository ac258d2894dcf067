// SPDX-License-Identifier: LGPL-3.0-or-later
// Hilbert's curve on a square of 2^order cells a side: what is near on the
// curve is near in the square.

/** [x, y] of every place on the curve, as x + y * side. */
export function hilbertPlaces(order: number): Uint32Array {
  const side = 1 << order;
  const places = new Uint32Array(side * side);
  for (let index = 0; index < places.length; index++) {
    let x = 0;
    let y = 0;
    let rest = index;
    for (let step = 1; step < side; step <<= 1) {
      const right = 1 & (rest >> 1);
      const up = 1 & (rest ^ right);
      if (up === 0) {
        if (right === 1) {
          x = step - 1 - x;
          y = step - 1 - y;
        }
        [x, y] = [y, x];
      }
      x += step * right;
      y += step * up;
      rest >>= 2;
    }
    places[index] = x + y * side;
  }
  return places;
}
