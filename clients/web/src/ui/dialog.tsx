// SPDX-License-Identifier: LGPL-3.0-or-later
// One modal dialog at a time, on the browser's own <dialog>: it keeps the focus
// within, closes on Esc, and gives the focus back.
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

import { Icon } from './icon';

const current = signal<ComponentChildren>(null);

export function openDialog(content: ComponentChildren): void {
  current.value = content;
}

export function closeDialog(): void {
  current.value = null;
}

export function dialogIsOpen(): boolean {
  return current.peek() !== null;
}

export function DialogPlace() {
  return <>{current.value}</>;
}

interface Props {
  title: string;
  children: ComponentChildren;
  /** Called on the form's submission (Enter, or the button of type submit). */
  onSubmit?: () => void;
  wide?: boolean;
}

/** Enter in a list of choices is for the dialog, as it is in a field. */
function submitFromSelect(event: KeyboardEvent): void {
  if (event.key !== 'Enter' || !(event.target instanceof HTMLSelectElement)) return;
  event.preventDefault();
  event.target.form?.requestSubmit();
}

export function Dialog({ title, children, onSubmit, wide }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector<HTMLElement>('[data-first]')?.focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={ref} class={wide ? 'dialog wide' : 'dialog'} aria-labelledby={id}
      onCancel={(event) => { event.preventDefault(); closeDialog(); }}
      onMouseDown={(event) => { if (event.target === ref.current) closeDialog(); }}>
      <form class="dialog-box" noValidate onKeyDown={submitFromSelect} onSubmit={(event) => { event.preventDefault(); onSubmit?.(); }}>
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet square" aria-label="Close" onClick={closeDialog}><Icon name="close" /></button>
        </header>
        {children}
      </form>
    </dialog>
  );
}
