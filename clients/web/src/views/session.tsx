// SPDX-License-Identifier: LGPL-3.0-or-later
// Who one is to the daemon, and the way out.
import { useEffect, useRef, useState } from 'preact/hooks';

import { logOut, session } from '../state/link';
import { Icon } from '../ui/icon';

export function SessionMenu() {
  const [open, setOpen] = useState(false);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event) => {
      if (!ref.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      ref.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('keydown', escape);
    };
  }, [open]);
  if (!session.value) return null;
  const { identity, permissions } = session.value;
  return (
    <div class="menu" ref={ref}>
      <button type="button" class="quiet square" aria-expanded={open} aria-label={`Session of ${identity}`}
        title={identity} onClick={() => setOpen(!open)}><Icon name="user" /></button>
      {open ? (
        <div class="menu-box">
          <p class="menu-name">{identity}</p>
          <p class="chips">{permissions.map((permission) => <span key={permission} class="chip">{permission}</span>)}</p>
          <button type="button" onClick={() => void logOut()}><Icon name="leave" />Log out</button>
        </div>
      ) : null}
    </div>
  );
}
