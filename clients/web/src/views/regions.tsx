// SPDX-License-Identifier: LGPL-3.0-or-later
// All regions at a glance: how each is, who is there, and how busy it is.
import { useState } from 'preact/hooks';

import { formatByteRate, formatRate, formatSize, plural } from '../lib/format';
import { toNumber } from '../lib/number';
import { go, href } from '../lib/route';
import { mayAttach } from '../state/may';
import { find, known, names, type RegionState } from '../state/regions';
import { Empty } from '../ui/empty';
import { Icon } from '../ui/icon';
import { Sparkline } from '../ui/sparkline';
import { openAttach } from './attach';
import { StateBadge } from './state';

const SAMPLES = 60;
/** More rows are there for who asks: a thousand that change each second keep a browser busy. */
const ROWS = 100;
/** Of so many regions each has a mark of its own in the sums. */
const MARKED = 64;

function matches(state: RegionState, words: string[]): boolean {
  const { name, plugin, state: how } = state.region.value;
  const text = `${name} ${plugin} ${how}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function Rate({ state, series, format, what }: {
  state: RegionState; series: string; format: (value: number) => string; what: string;
}) {
  state.samples.value;
  const now = state.history.last(series);
  return (
    <div class={now > 0 ? 'rate busy' : 'rate'}>
      <Sparkline values={state.history.recent(series, SAMPLES)} label={`${what} in the last minute`} />
      <span class="num">{format(now)}</span>
    </div>
  );
}

function Row({ state }: { state: RegionState }) {
  const region = state.region.value;
  return (
    <tr onClick={(event) => {
      if (!(event.target as Element).closest('a')) go('regions', region.name);
    }}>
      <th scope="row"><a href={href('regions', region.name)}>{region.name}</a><small>{region.plugin}</small></th>
      <td data-label="State"><StateBadge state={region.state} reason={region.reason} />
        {region.reason ? <small class="reason">{region.reason}</small> : null}</td>
      <td class="num" data-label="Size">{formatSize(region.size)}</td>
      <td class="num" data-label="Peers">{region.peer_count}</td>
      <td class="num" data-label="Vectors">{region.vectors}</td>
      <td data-label="Interrupts/s"><Rate state={state} series="received" format={formatRate} what="interrupts" /></td>
      <td data-label="Read"><Rate state={state} series="read" format={formatByteRate} what="bytes read" /></td>
      <td data-label="Written"><Rate state={state} series="written" format={formatByteRate} what="bytes written" /></td>
    </tr>
  );
}

/** Up and down walk the names. */
function walk(event: KeyboardEvent): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by === undefined) return;
  const links = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('th a')];
  const to = links[links.indexOf(document.activeElement as HTMLElement) + by];
  if (!to) return;
  event.preventDefault();
  to.focus();
}

/** All of them together, and how the minute was. */
function Sums({ all }: { all: RegionState[] }) {
  for (const state of all) state.samples.value;
  const add = (series: string[]) => {
    const sums = new Array<number>(SAMPLES).fill(0);
    for (const { history } of all) {
      for (const name of series) {
        const values = history.recent(name, SAMPLES);
        values.forEach((value, i) => { sums[SAMPLES - values.length + i]! += value ?? 0; });
      }
    }
    return sums;
  };
  const interrupts = add(['received', 'sent']);
  const bytes = add(['read', 'written']);
  const size = all.reduce((sum, { region }) => sum + toNumber(region.value.size), 0);
  const peers = all.reduce((sum, { region }) => sum + region.value.peer_count, 0);
  const ill = all.filter(({ region }) => region.value.state !== 'ready').length;
  return (
    <section class="sums" aria-label="All regions together">
      <div class="panel sum"><span class="sum-value">{all.length - ill}<small>{` / ${all.length}`}</small></span><span class="sum-label">ready</span>
        {all.length <= MARKED
          ? <span class="sum-bar" aria-hidden="true">{all.map(({ region }) => <i key={region.value.name} class={region.value.state} />)}</span> : null}</div>
      <div class="panel sum"><span class="sum-value">{formatSize(size)}</span><span class="sum-label">{`shared, among ${plural(peers, 'peer')}`}</span>
        {all.length <= MARKED ? (
          <span class="sum-sizes" aria-hidden="true">{all.map(({ region: { value: one } }) => (
            <i key={one.name} title={`${one.name}: ${formatSize(one.size)}`} style={{ flexGrow: Math.max(toNumber(one.size) / Math.max(size, 1), 0.01) }} />
          ))}</span>
        ) : null}</div>
      <div class="panel sum"><span class="sum-value">{formatRate(interrupts.at(-1)!)}</span><span class="sum-label">interrupts/s</span>
        <Sparkline values={interrupts} label="interrupts in the last minute" /></div>
      <div class="panel sum"><span class="sum-value">{formatByteRate(bytes.at(-1)!)}</span><span class="sum-label">through the daemon</span>
        <Sparkline values={bytes} label="bytes in the last minute" /></div>
    </section>
  );
}

function NoRegions() {
  return (
    <Empty title="No regions yet" drawing={(
      <svg viewBox="0 0 320 110" aria-hidden="true">
        <g class="draw-box"><rect x="110" y="10" width="100" height="90" rx="12" /></g>
        {[...Array(16).keys()].map((i) => (
          <rect key={i} class={[2, 5, 11].includes(i) ? 'draw-cell hot' : 'draw-cell'} x={124 + (i % 4) * 19}
            y={20 + Math.floor(i / 4) * 19} width="14" height="14" rx="3" />
        ))}
        <path class="draw-line" d="M40 55h58M222 55h58" />
      </svg>
    )}>
      <p>A region is one piece of shared memory: a file, a server of the daemon's own, or somebody else's.</p>
      {mayAttach()
        ? <p><button type="button" class="primary" onClick={openAttach}><Icon name="add" />Attach a region</button></p>
        : <p>You may see regions, and attach none.</p>}
    </Empty>
  );
}

export function Regions() {
  const [filter, setFilter] = useState('');
  const [most, setMost] = useState(ROWS);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const all = names.value.map(find).filter((state): state is RegionState => state !== undefined);
  const shown = all.filter((state) => words.length === 0 || matches(state, words));
  if (!known.value) return <div class="loading" role="status">Asking for the regions…</div>;
  return (
    <>
      <div class="view-head">
        <h1>Regions</h1>
        <span class="muted">{shown.length === all.length ? plural(all.length, 'region') : `${shown.length} of ${all.length}`}</span>
        {all.length > 0 ? (
          <label class="search"><Icon name="search" /><span class="hidden">Filter the regions</span>
            <input type="search" data-filter placeholder="Filter (/)" value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)} />
          </label>
        ) : null}
      </div>
      {all.length > 1 ? <Sums all={all} /> : null}
      {all.length === 0 ? <NoRegions /> : (
        <div class="panel table-panel">
          <table class="regions" onKeyDown={walk}>
            <thead>
              <tr>
                <th scope="col">Region</th><th scope="col">State</th><th scope="col" class="num">Size</th>
                <th scope="col" class="num">Peers</th><th scope="col" class="num">Vectors</th>
                <th scope="col">Interrupts/s</th><th scope="col">Read</th><th scope="col">Written</th>
              </tr>
            </thead>
            <tbody>{shown.slice(0, most).map((state) => <Row key={state.region.peek().name} state={state} />)}</tbody>
          </table>
          {shown.length > most ? (
            <p class="nothing">{`${plural(shown.length - most, 'more region is', 'more regions are')} not shown. `}
              <button type="button" onClick={() => setMost(most + ROWS * 5)}>Show more</button></p>
          ) : null}
          {shown.length === 0 ? <p class="nothing">No region has all of these words.</p> : null}
        </div>
      )}
    </>
  );
}
