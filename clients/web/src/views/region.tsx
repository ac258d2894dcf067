// SPDX-License-Identifier: LGPL-3.0-or-later
// One region: what it is, its numbers over time, its bytes, peers and events.
import { useEffect } from 'preact/hooks';

import type { Region } from '../api/types';
import { formatSize } from '../lib/format';
import { go, href } from '../lib/route';
import { addShortcuts } from '../lib/shortcuts';
import { MemoryView } from '../memory/view';
import { mayAttach, mayRing } from '../state/may';
import { find, known, names, type RegionState } from '../state/regions';
import { openDialog } from '../ui/dialog';
import { Empty } from '../ui/empty';
import { Icon } from '../ui/icon';
import { Tabs } from '../ui/tabs';
import { DetachDialog } from './detach';
import { EventLog } from './events';
import { Overview } from './overview';
import { Peers } from './peers';
import { RingDialog } from './ring';
import { StateBadge } from './state';

function Head({ region }: { region: Region }) {
  return (
    <div class="view-head region-head">
      <div>
        <a class="back" href={href('regions')}>Regions</a>
        <h1>{region.name}</h1>
      </div>
      <StateBadge state={region.state} reason={region.reason} />
      <span class="muted">{`${region.plugin} · ${formatSize(region.size)}`}</span>
      <div class="view-actions">
        {mayRing(region) ? (
          <button type="button" onClick={() => openDialog(<RingDialog region={region} />)}><Icon name="bell" />Ring</button>
        ) : null}
        {mayAttach(region) ? (
          <button type="button" onClick={() => openDialog(<DetachDialog region={region} />)}><Icon name="detach" />Detach</button>
        ) : null}
      </div>
    </div>
  );
}

function There({ state, tab }: { state: RegionState; tab: string }) {
  const region = state.region.value;
  const tabs = [
    { id: 'overview', label: 'Overview' },
    { id: 'memory', label: 'Memory' },
    { id: 'peers', label: 'Peers', badge: String(region.peer_count) },
    { id: 'events', label: 'Events' },
  ];
  const selected = tabs.some(({ id }) => id === tab) ? tab : 'overview';
  const select = (id: string) => go('regions', region.name, id);
  useEffect(() => addShortcuts([
    ...tabs.map(({ id, label }, i) => ({
      keys: String(i + 1), what: label, group: 'A region', run: () => select(id),
    })),
    { keys: 'r', what: 'Ring', group: 'A region', run: () => {
      if (mayRing(state.region.peek())) openDialog(<RingDialog region={state.region.peek()} />);
    } },
  ]), [state]);
  return (
    <>
      <Head region={region} />
      {region.reason ? <p class={region.state === 'ready' ? 'note' : 'note bad'} role="status"><Icon name="warning" />{region.reason}</p> : null}
      <Tabs label={`Views of ${region.name}`} tabs={tabs} selected={selected} onSelect={select}>
        {selected === 'overview' ? <Overview state={state} /> : null}
        {selected === 'memory' ? <MemoryView state={state} /> : null}
        {selected === 'peers' ? <Peers state={state} /> : null}
        {selected === 'events' ? <EventLog region={region.name} /> : null}
      </Tabs>
    </>
  );
}

export function RegionView({ name, tab }: { name: string; tab: string }) {
  // Which regions there are is a signal too: one that was attached again is another.
  const state = known.value && names.value.includes(name) ? find(name) : undefined;
  if (!known.value) return <div class="loading" role="status">Asking for the region…</div>;
  if (!state) {
    return (
      <Empty title={`There is no region ${name}`}>
        <p>It has been detached, or you may not see it. <a href={href('regions')}>To the regions</a></p>
      </Empty>
    );
  }
  return <There key={state.region.peek().name} state={state} tab={tab} />;
}
