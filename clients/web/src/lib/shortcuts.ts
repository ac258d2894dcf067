// SPDX-License-Identifier: LGPL-3.0-or-later
// Keys that do something wherever one is, but for fields that are typed into.
import { dialogIsOpen } from '../ui/dialog';

export interface Shortcut {
  /** As written: "a", "g e" (one after the other), "?". */
  keys: string;
  what: string;
  run: () => void;
  group: string;
}

const SEQUENCE_MS = 1200;
const active = new Set<Shortcut>();
let prefix = '';
let prefixAt = 0;

export function shortcuts(): Shortcut[] {
  return [...active];
}

/** Until the returned function is called. */
export function addShortcuts(list: Shortcut[]): () => void {
  for (const one of list) active.add(one);
  return () => {
    for (const one of list) active.delete(one);
  };
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches('input:not([type=checkbox]), textarea, select, [data-keys]'));
}

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  if (dialogIsOpen() || isTyping(event.target)) return;
  const typed = performance.now() - prefixAt < SEQUENCE_MS ? `${prefix} ${event.key}` : event.key;
  // What was added last is nearest.
  const found = [...active].reverse().find(({ keys }) => keys === typed || keys === event.key);
  if (found) {
    event.preventDefault();
    prefix = '';
    prefixAt = 0;
    found.run();
  } else if ([...active].some(({ keys }) => keys.startsWith(`${event.key} `))) {
    prefix = event.key;
    prefixAt = performance.now();
  }
}

export function startShortcuts(): void {
  document.addEventListener('keydown', press);
}
