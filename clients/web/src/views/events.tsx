// SPDX-License-Identifier: LGPL-3.0-or-later
// The event log: filtered, paused and cleared by whoever looks. Newest first.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { EVENT_TYPES, type EventType } from '../api/types';
import { formatClock, formatExact, plural } from '../lib/format';
import { href } from '../lib/route';
import { addShortcuts } from '../lib/shortcuts';
import * as eventlog from '../state/eventlog';
import { names } from '../state/regions';
import { Icon } from '../ui/icon';
import { EventRate } from './eventrate';

const ROW = 30;
const SPARE_ROWS = 8;
/** What comes by itself; the rest is shown once there is one of it. */
const USUAL: EventType[] = ['interrupt', 'peer-connected', 'peer-disconnected', 'region-attached', 'region-detached', 'state-changed'];

interface Filter {
  region: string;
  hidden: ReadonlySet<EventType>;
  words: string[];
}

function passes({ event }: eventlog.Entry, { region, hidden, words }: Filter): boolean {
  if (hidden.has(event.type)) return false;
  // What tells of everything belongs to each region.
  if (region !== '' && event.region !== region && event.type !== 'lost') return false;
  if (words.length === 0) return true;
  const text = `${event.region ?? ''} ${event.type} ${eventlog.tellOf(event)}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function Row({ entry, top, withRegion }: { entry: eventlog.Entry; top: number; withRegion: boolean }) {
  const { event } = entry;
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => { place.current!.style.transform = `translateY(${top}px)`; }, [top]);
  return (
    <div class={`event type-${event.type}`} role="row" ref={place}>
      <span role="cell" class="event-time mono" title={event.time}>{formatClock(event.time)}</span>
      <span role="cell" class="event-type"><i />{event.type}</span>
      {withRegion ? <span role="cell" class="event-region">{event.region === undefined ? '' : <a href={href('regions', event.region)}>{event.region}</a>}</span> : null}
      <span role="cell" class="event-text">{eventlog.tellOf(event)}</span>
      <span role="cell" class="event-serial mono">{`#${event.serial}`}</span>
    </div>
  );
}

/** Only the rows that are seen are there; what one reads stays where it is while newer ones come. */
function Rows({ entries, withRegion }: { entries: eventlog.Entry[]; withRegion: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const newest = useRef(entries.at(-1)?.key ?? 0);
  const look = () => box.current && setView({ top: box.current.scrollTop, height: box.current.clientHeight });
  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    inner.current!.style.height = `${entries.length * ROW}px`;
    if (box.current!.scrollTop > 0) {
      let added = 0;
      while (added < entries.length && entries[entries.length - 1 - added]!.key > newest.current) added++;
      if (added > 0) box.current!.scrollTop += added * ROW;
    }
    newest.current = entries.at(-1)?.key ?? 0;
  }, [entries]);
  const first = Math.max(0, Math.floor(view.top / ROW) - SPARE_ROWS);
  const last = Math.min(entries.length, Math.ceil((view.top + view.height) / ROW) + SPARE_ROWS);
  const shown = [];
  for (let i = first; i < last; i++) {
    const entry = entries[entries.length - 1 - i]!;
    shown.push(<Row key={entry.key} entry={entry} top={i * ROW} withRegion={withRegion} />);
  }
  return (
    <div class="event-box" ref={box} onScroll={look} tabIndex={0} role={entries.length > 0 ? 'table' : 'group'} aria-label="Events, newest first"
      aria-rowcount={entries.length > 0 ? entries.length : undefined}>
      <div ref={inner} class="event-rows" role={entries.length > 0 ? 'rowgroup' : undefined}>{shown}</div>
      {entries.length === 0 ? <p class="nothing">Nothing has happened yet that you asked for.</p> : null}
    </div>
  );
}

function TypeChips({ hidden, toggle, counts }: {
  hidden: ReadonlySet<EventType>; toggle: (type: EventType) => void; counts: Map<EventType, number>;
}) {
  return (
    <div class="chips type-chips" role="group" aria-label="Types shown">
      {EVENT_TYPES.filter((type) => USUAL.includes(type) || counts.has(type)).map((type) => (
        <button key={type} type="button" class={`chip toggle type-${type}`} aria-pressed={!hidden.has(type)} onClick={() => toggle(type)}>
          <i />{type}<span class="num">{counts.get(type) ?? 0}</span>
        </button>
      ))}
    </div>
  );
}

function usePause() {
  const [frozen, setFrozen] = useState<readonly eventlog.Entry[]>();
  const toggle = () => setFrozen((now) => (now ? undefined : [...eventlog.all()]));
  useEffect(() => addShortcuts([{ keys: 'p', what: 'Pause the event log, and go on', group: 'Events', run: toggle }]), []);
  return { frozen, toggle, setFrozen };
}

export function EventLog({ region: fixed }: { region?: string }) {
  const [region, setRegion] = useState(fixed ?? '');
  const [text, setText] = useState('');
  const [hidden, setHidden] = useState<ReadonlySet<EventType>>(new Set<EventType>());
  const { frozen, toggle, setFrozen } = usePause();
  const now = eventlog.version.value;
  const filter: Filter = { region, hidden, words: text.toLowerCase().split(/\s+/).filter(Boolean) };
  const source = frozen ?? eventlog.all();
  const key = `${region} ${text} ${[...hidden].join()}`;
  const entries = useMemo(() => source.filter((entry) => passes(entry, filter)), [frozen ? frozen : now, key]);
  const counts = useMemo(() => {
    const sums = new Map<EventType, number>();
    for (const { event } of source) {
      if (fixed === undefined || event.region === fixed) sums.set(event.type, (sums.get(event.type) ?? 0) + 1);
    }
    return sums;
  }, [frozen ? frozen : now]);
  const last = frozen?.at(-1)?.key ?? -1;
  const meanwhile = frozen ? eventlog.all().filter((entry) => entry.key > last && passes(entry, filter)).length : 0;
  const flip = (type: EventType) => {
    const next = new Set(hidden);
    if (!next.delete(type)) next.add(type);
    setHidden(next);
  };
  return (
    <div class="eventlog panel">
      <EventRate region={fixed} />
      <div class="eventlog-bar">
        <TypeChips hidden={hidden} toggle={flip} counts={counts} />
        <div class="eventlog-tools">
          {fixed === undefined ? (
            <select aria-label="Region" value={region} onChange={(event) => setRegion(event.currentTarget.value)}>
              <option value="">all regions</option>
              {names.value.map((name) => <option key={name} value={name}>{name}</option>)}
            </select>
          ) : null}
          <label class="search"><Icon name="search" /><span class="hidden">Filter the events</span>
            <input type="search" data-filter placeholder="Filter (/)" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          </label>
          <button type="button" aria-pressed={frozen !== undefined} class={frozen ? 'warn' : ''} onClick={toggle}>
            <Icon name={frozen ? 'play' : 'pause'} />{frozen ? 'Resume' : 'Pause'}
            {frozen ? <span class="badge">{`${formatExact(meanwhile)} new`}</span> : null}
          </button>
          <button type="button" onClick={() => { eventlog.clear(); setFrozen(frozen ? [] : undefined); }}><Icon name="clear" />Clear</button>
        </div>
      </div>
      <Rows entries={entries} withRegion={fixed === undefined} />
      <p class="eventlog-foot muted">
        {`${plural(entries.length, 'event')} shown`}{frozen ? ', paused' : ''}{` · the newest ${formatExact(eventlog.KEPT_EVENTS)} are kept`}
      </p>
    </div>
  );
}

export function EventsView() {
  return (
    <>
      <div class="view-head"><h1>Events</h1><span class="muted">{`${plural(eventlog.total.value, 'event')} since this page was opened`}</span></div>
      <EventLog />
    </>
  );
}
