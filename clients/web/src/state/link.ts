// SPDX-License-Identifier: LGPL-3.0-or-later
// The way to the daemon: who we are, whether it answers, its events, and how it
// is found again after it has been away.
import { batch, signal } from '@preact/signals';

import { api, describe, hooks, isLasting, Problem, Unreachable } from '../api/client';
import { EVENT_TYPES, type Daemon, type Happening, type Session } from '../api/types';
import { goInstead } from '../lib/route';
import * as eventlog from './eventlog';
import * as regions from './regions';

export type LinkState = 'starting' | 'login' | 'live' | 'gone';

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 10000];
const SAMPLE_MS = 1000;
const HIDDEN_SAMPLE_MS = 5000;
const DAEMON_MS = 5000;
/** A sample that takes long is taken less often. */
const SAMPLE_SHARE = 10;

export const state = signal<LinkState>('starting');
export const session = signal<Session | undefined>(undefined);
export const daemon = signal<Daemon | undefined>(undefined);
/** Why the login is shown; empty at first. */
export const loginNote = signal('');
/** When the next try is, while the daemon is gone. */
export const retryAt = signal(0);
export const goneSince = signal(0);
/** Counts how often the link came to life, so that views ask for all anew. */
export const epoch = signal(0);
export const serial = signal('');
export const streaming = signal(false);

let source: EventSource | undefined;
let failures = 0;
let probing = false;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let sampleTimer: ReturnType<typeof setTimeout> | undefined;
let daemonTimer: ReturnType<typeof setTimeout> | undefined;
let refreshTimer: ReturnType<typeof setTimeout> | undefined;
const stale = new Set<string>();
/** A token that can be used again, so that a daemon's restart asks for no new login. Memory only. */
let remembered: string | undefined;

function stop(): void {
  source?.close();
  source = undefined;
  streaming.value = false;
  clearTimeout(retryTimer);
  clearTimeout(sampleTimer);
  clearTimeout(daemonTimer);
  clearTimeout(refreshTimer);
  stale.clear();
  regions.interrupted();
}

function askLogin(note: string): void {
  stop();
  batch(() => {
    loginNote.value = note;
    session.value = undefined;
    state.value = 'login';
  });
}

function gone(): void {
  if (state.value !== 'gone') {
    stop();
    failures = 0;
    batch(() => {
      goneSince.value = Date.now();
      state.value = 'gone';
    });
  }
  const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]!;
  retryAt.value = Date.now() + wait;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(probe, wait);
}

/** Asks who we are: everything else follows from the answer. */
export async function probe(): Promise<void> {
  if (probing) return;
  probing = true;
  try {
    const who = await api.session();
    if (state.value !== 'live') live(who);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) await logInAgain();
    else gone();
  } finally {
    probing = false;
  }
}

async function logInAgain(): Promise<void> {
  const token = remembered;
  const was = state.value;
  remembered = undefined;
  if (token) {
    try {
      await api.login(token);
      live(await api.session());
      remembered = token;
      return;
    } catch (error) {
      if (error instanceof Unreachable) {
        remembered = token;
        gone();
        return;
      }
    }
  }
  askLogin(was === 'starting' ? '' : 'Your session has ended: it does not outlive the daemon. Log in again to go on.');
}

function live(who: Session): void {
  failures = 0;
  clearTimeout(retryTimer);
  batch(() => {
    session.value = who;
    state.value = 'live';
    epoch.value++;
  });
  listen();
  void sample();
  void askDaemon();
}

function take(event: Happening): void {
  serial.value = String(event.serial);
  eventlog.add(event);
  regions.hear(event);
  if (event.region === undefined) {
    if (event.type === 'lost') refreshSoon();
  } else if (event.type === 'region-detached') {
    regions.remove(event.region);
    stale.delete(event.region);
  } else if (event.type !== 'interrupt' && event.type !== 'changed') {
    refreshSoon(event.region);
  }
}

function listen(): void {
  const from = serial.value;
  // Over a connection that breaks the browser itself goes on where it was.
  source = new EventSource(`v1/events${from ? `?last_event_id=${encodeURIComponent(from)}` : ''}`);
  source.addEventListener('open', () => {
    streaming.value = true;
  });
  source.addEventListener('error', () => {
    streaming.value = false;
    if (source?.readyState === EventSource.CLOSED) {
      // Refused, not broken: the browser does not try again.
      source.close();
      setTimeout(() => state.value === 'live' && listen(), 2000);
    }
    void probe();
  });
  for (const type of EVENT_TYPES) {
    source.addEventListener(type, ({ data }: MessageEvent<string>) => take(JSON.parse(data) as Happening));
  }
}

/** Some region has changed; several changes in a row are one look. */
function refreshSoon(name?: string): void {
  if (name !== undefined) stale.add(name);
  else for (const other of regions.names.peek()) stale.add(other);
  clearTimeout(refreshTimer);
  refreshTimer = setTimeout(refresh, 30);
}

async function refresh(): Promise<void> {
  const wanted = [...stale];
  stale.clear();
  if (wanted.length !== 1) {
    void sample();
    return;
  }
  try {
    regions.update(await api.region(wanted[0]!));
  } catch (error) {
    if (error instanceof Problem && error.status === 404) regions.remove(wanted[0]!);
  }
}

async function sample(): Promise<void> {
  clearTimeout(sampleTimer);
  if (state.value !== 'live') return;
  const began = performance.now();
  try {
    const list = await api.regions();
    if (state.value !== 'live') return;
    regions.replace(list);
  } catch {
    // The hooks know what that means for the link.
  }
  if (state.value !== 'live') return;
  const pause = Math.max(document.hidden ? HIDDEN_SAMPLE_MS : SAMPLE_MS, (performance.now() - began) * SAMPLE_SHARE);
  clearTimeout(sampleTimer);
  sampleTimer = setTimeout(sample, pause);
}

async function askDaemon(): Promise<void> {
  clearTimeout(daemonTimer);
  if (state.value !== 'live') return;
  try {
    daemon.value = await api.daemon();
  } catch {
    // As above.
  }
  if (state.value === 'live') daemonTimer = setTimeout(askDaemon, DAEMON_MS);
}

/** The token in what was pasted: a token itself, or a link that has one. */
export function findToken(text: string): string {
  const match = /[#?&]login=([^&#\s]+)/.exec(text);
  return match ? decodeURIComponent(match[1]!) : text.trim();
}

/** An empty text, or why not. */
export async function logIn(text: string): Promise<string> {
  const token = findToken(text);
  if (token === '') return 'Paste a link or a token first.';
  try {
    await api.login(token);
    const who = await api.session();
    if (isLasting(token)) remembered = token;
    live(who);
    return '';
  } catch (error) {
    return describe(error);
  }
}

export async function logOut(): Promise<void> {
  remembered = undefined;
  await api.logout().catch(() => {});
  serial.value = '';
  eventlog.clear();
  askLogin('');
}

/** Takes a one-time token out of the address, so that it stays in no history. */
function tokenFromAddress(): string | undefined {
  const match = /[#?&]login=([^&#]+)/.exec(location.hash) ?? /[?&]login=([^&#]+)/.exec(location.search);
  if (!match) return undefined;
  goInstead(location.pathname);
  return decodeURIComponent(match[1]!);
}

export async function start(): Promise<void> {
  hooks.unreachable = () => {
    if (state.value === 'live') gone();
  };
  hooks.unauthenticated = () => {
    if (state.value === 'live') void logInAgain();
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void (state.value === 'gone' ? probe() : sample());
  });
  const enter = async () => {
    const token = tokenFromAddress();
    if (!token) return false;
    const wrong = await logIn(token);
    if (wrong && state.value === 'live') loginNote.value = wrong;
    else if (wrong) await api.session().then(live, () => askLogin(`The link did not work: ${wrong}`));
    return true;
  };
  // A link that is opened where the page is already.
  addEventListener('hashchange', () => void enter());
  if (!(await enter())) await probe();
}
