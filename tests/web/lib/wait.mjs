// SPDX-License-Identifier: LGPL-3.0-or-later

/** Until the function gives something true; what it throws meanwhile counts as no. */
export async function until(what, look, seconds = 20) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what} did not come about in ${seconds} s: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
