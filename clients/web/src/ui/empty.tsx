// SPDX-License-Identifier: LGPL-3.0-or-later
import type { ComponentChildren } from 'preact';

interface Props {
  title: string;
  drawing?: ComponentChildren;
  children: ComponentChildren;
}

/** What stands where there is nothing yet. */
export function Empty({ title, drawing, children }: Props) {
  return (
    <div class="empty">
      {drawing ? <div class="empty-drawing">{drawing}</div> : null}
      <h2>{title}</h2>
      {children}
    </div>
  );
}
