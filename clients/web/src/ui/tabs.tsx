// SPDX-License-Identifier: LGPL-3.0-or-later
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';

export interface Tab {
  id: string;
  label: string;
  badge?: string;
}

interface Props {
  label: string;
  tabs: Tab[];
  selected: string;
  onSelect: (id: string) => void;
  children: ComponentChildren;
}

/** Arrow keys walk the tabs, which are one stop of the Tab key. */
export function Tabs({ label, tabs, selected, onSelect, children }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const step = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === selected);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    onSelect(tabs[next]!.id);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <>
      <div ref={list} class="tabs" role="tablist" aria-label={label} onKeyDown={step}>
        {tabs.map(({ id, label: text, badge }) => (
          <button key={id} type="button" role="tab" id={`tab-${id}`} aria-selected={id === selected}
            aria-controls="tab-panel" tabIndex={id === selected ? 0 : -1} onClick={() => onSelect(id)}>
            {text}{badge ? <span class="badge">{badge}</span> : null}
          </button>
        ))}
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${selected}`}>{children}</div>
    </>
  );
}
