// SPDX-License-Identifier: LGPL-3.0-or-later
/** A 64-bit value as the API writes it: a number to 2^53, a decimal string above. */
export type Wide = number | string;

/** Exact to 2^53, near above: for drawing and for rates. */
export function toNumber(value: Wide | undefined | null): number {
  return value == null ? 0 : Number(value);
}

export function toBig(value: Wide): bigint {
  return BigInt(value);
}

const UNITS: Record<string, bigint> = { k: 10n, m: 20n, g: 30n, t: 40n, p: 50n };

/**
 * An offset as people write it: 0x1f00, 1f00h, 4096, 4K, 0x10M, or +16 and -16
 * from where one is. A number, or a sentence that says what is wrong.
 */
export function parseOffset(text: string, from: number, size: number): number | string {
  const match = /^([+-]?)\s*(0x([0-9a-f_]+)|([0-9a-f_]+)h|([0-9_]+))\s*([kmgtp]?)(i?b)?$/i.exec(text.trim());
  if (!match) return 'An offset is 0x1f00, 4096, 4K, or +16 and -16 from the cursor.';
  const [, sign, , hex, hexH, decimal, unit] = match;
  const digits = (hex ?? hexH ?? decimal ?? '').replaceAll('_', '');
  if (digits === '') return 'An offset needs digits.';
  let value = BigInt((decimal === undefined ? '0x' : '') + digits);
  if (unit) value <<= UNITS[unit.toLowerCase()]!;
  if (sign === '+') value = BigInt(from) + value;
  if (sign === '-') value = BigInt(from) - value;
  if (value < 0n || value >= BigInt(size)) {
    return size === 0 ? 'The region has no bytes.' : `The last offset is 0x${(size - 1).toString(16)}.`;
  }
  return Number(value);
}
