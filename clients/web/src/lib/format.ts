// SPDX-License-Identifier: LGPL-3.0-or-later
// Numbers and times as people read them.
import { toBig, toNumber, type Wide } from './number';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

function scale(value: number, base: number, units: string[]): [string, string] {
  let power = 0;
  let rest = value;
  while (Math.abs(rest) >= base && power < units.length - 1) {
    rest /= base;
    power++;
  }
  const digits = power === 0 || Math.abs(rest) >= 100 ? 0 : Math.abs(rest) >= 10 ? 1 : 2;
  // Whole numbers stay so; rates may have a fraction.
  const text = Number.isInteger(rest) ? String(rest) : rest.toFixed(power === 0 && Math.abs(rest) < 10 ? 1 : digits);
  return [text, units[power]!];
}

/** 4194304 → "4 MiB" */
export function formatSize(bytes: Wide): string {
  return scale(toNumber(bytes), 1024, BINARY).join(' ');
}

/** 12345 → "12.3 k" */
export function formatCount(count: Wide): string {
  return scale(toNumber(count), 1000, DECIMAL).join('\u202f').trim();
}

/** Every digit, in groups of three. */
export function formatExact(count: Wide): string {
  return toBig(count).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

export function formatRate(perSecond: number): string {
  return perSecond === 0 ? '0' : formatCount(Math.round(perSecond * 10) / 10);
}

export function formatByteRate(perSecond: number): string {
  return perSecond === 0 ? '0' : `${formatSize(Math.round(perSecond))}/s`;
}

/** At least `digits` digits; 0x before them when shown alone. */
export function hex(value: number, digits = 0): string {
  return value.toString(16).padStart(digits, '0');
}

export function hexOffset(value: number): string {
  return `0x${hex(value)}`;
}

export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});

/** The time of day, to the millisecond. */
export function formatClock(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${clock.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count === 1 ? '1' : formatExact(count)} ${count === 1 ? one : many}`;
}
