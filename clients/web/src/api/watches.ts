// SPDX-License-Identifier: LGPL-3.0-or-later
// Byte ranges that the page watches, all over one stream that is open only
// while there are any. It comes back by itself after the daemon has been away.
import { Problem } from './client';
import { Stream } from './stream';
import { toNumber } from '../lib/number';

/** How a range is followed: by the daemon's word, or not (then one has to look oneself). */
export type Following = 'waiting' | 'watching' | 'refused' | 'away';

export interface WatchHandler {
  changed: (offset: number, length: number) => void;
  following: (how: Following, why?: string) => void;
}

const RETRY_MS = [500, 1000, 2000, 5000];

export class Watch {
  number: number | undefined;
  /** The stream that was asked for it. */
  over: Stream | undefined;
  ended = false;

  constructor(readonly region: string, readonly offset: number, readonly length: number,
    readonly intervalMs: number, readonly handler: WatchHandler) {}
}

const watches = new Set<Watch>();
let stream: Stream | undefined;
/** The stream tells of changes, so that none between a watch and its answer is missed. */
let subscribed = false;
let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

async function begin(watch: Watch, over: Stream): Promise<void> {
  if (watch.over === over) return;
  watch.over = over;
  try {
    const { watch: number } = await over.request('watch', {
      region: watch.region, offset: watch.offset, length: watch.length, min_interval_ms: watch.intervalMs,
    });
    if (watch.ended) {
      over.request('unwatch', { region: watch.region, watch: number }).catch(() => {});
      return;
    }
    watch.number = Number(number);
    watch.handler.following('watching');
  } catch (error) {
    // Anything else is the stream's end, and it is tried again.
    if (error instanceof Problem && !watch.ended) watch.handler.following('refused', error.message);
  }
}

function open(): void {
  const mine = new Stream();
  stream = mine;
  subscribed = false;
  mine.onEvent = (event) => {
    if (event.type === 'lost') {
      // Which changes were missed nobody knows: everything may have changed.
      for (const watch of watches) watch.handler.changed(watch.offset, watch.length);
      return;
    }
    for (const watch of watches) {
      if (watch.number === event.watch && watch.region === event.region) {
        watch.handler.changed(toNumber(event.offset), toNumber(event.length));
      }
    }
  };
  mine.onClose = () => {
    if (stream !== mine) return;
    stream = undefined;
    for (const watch of watches) {
      watch.number = undefined;
      watch.handler.following('away');
    }
    if (watches.size > 0) timer = setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
  };
  mine.request('subscribe', { type: ['changed'] }).then(() => {
    failures = 0;
    subscribed = true;
    for (const watch of watches) void begin(watch, mine);
  }).catch(() => mine.close());
}

/** handler.changed is called from then on, at most once in the interval for each run of bytes. */
export function startWatch(region: string, offset: number, length: number, intervalMs: number,
  handler: WatchHandler): Watch {
  const watch = new Watch(region, offset, length, intervalMs, handler);
  watches.add(watch);
  handler.following('waiting');
  if (!stream) {
    if (watches.size === 1) {
      clearTimeout(timer);
      open();
    }
  } else {
    clearTimeout(timer);
    if (subscribed) void begin(watch, stream);
  }
  return watch;
}

export function endWatch(watch: Watch): void {
  watch.ended = true;
  watches.delete(watch);
  if (stream && watch.number !== undefined) {
    stream.request('unwatch', { region: watch.region, watch: watch.number }).catch(() => {});
  }
  if (watches.size === 0) {
    clearTimeout(timer);
    // Views come and go: another may want it at once.
    timer = setTimeout(() => {
      if (watches.size > 0) return;
      stream?.close();
      stream = undefined;
    }, 2000);
  }
}
