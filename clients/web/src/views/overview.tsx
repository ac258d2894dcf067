// SPDX-License-Identifier: LGPL-3.0-or-later
import { useState } from 'preact/hooks';

import { CAPABILITIES, type Region } from '../api/types';
import { formatByteRate, formatCount, formatExact, formatRate, formatSize } from '../lib/format';
import { toNumber } from '../lib/number';
import { vectorSeries, type RegionState } from '../state/regions';
import { Chart } from '../ui/chart';
import { Choice } from '../ui/choice';
import { Vectors } from './vectors';

const BYTES = [{ name: 'read', label: 'read' }, { name: 'written', label: 'written' }];
const PEERS = [{ name: 'peers', label: 'peers' }];

const COUNTERS: [string, string, 'bytes' | 'count'][] = [
  ['read_bytes', 'Read', 'bytes'],
  ['written_bytes', 'Written', 'bytes'],
  ['interrupts_received', 'Interrupts received', 'count'],
  ['interrupts_sent', 'Interrupts sent', 'count'],
  ['peers_connected', 'Peers that came', 'count'],
  ['peers_disconnected', 'Peers that left', 'count'],
  ['operations', 'Operations', 'count'],
  ['errors', 'Refused or failed', 'count'],
  ['losses', 'Times lost', 'count'],
];

function Facts({ region }: { region: Region }) {
  const rows: [string, string][] = [
    ['Size', `${formatSize(region.size)} (${formatExact(region.size)} B)`],
    ['Plugin', region.plugin],
    ['Own id', region.own_id === null ? 'none' : String(region.own_id)],
    ['Vectors', String(region.vectors)],
    ['Generation', String(region.generation)],
    ['You may', region.permissions.join(', ')],
  ];
  return (
    <section class="panel facts">
      <h2 class="panel-title">Facts</h2>
      <dl>{rows.map(([key, value]) => <div key={key}><dt>{key}</dt><dd>{value}</dd></div>)}</dl>
      <h2 class="panel-title">Can do</h2>
      <ul class="chips" aria-label="Capabilities">
        {Object.entries(CAPABILITIES).map(([name, what]) => {
          const has = region.capabilities.includes(name);
          return <li key={name} class={has ? 'chip' : 'chip off'} title={has ? what : `not: ${what}`}>{name}{has ? null : <span class="hidden"> (not)</span>}</li>;
        })}
      </ul>
    </section>
  );
}

function Counters({ region }: { region: Region }) {
  const known = COUNTERS.filter(([name]) => name in region.statistics);
  return (
    <section class="panel counters" aria-label="Counters">
      {known.map(([name, label, kind]) => {
        const value = region.statistics[name]!;
        return (
          <div key={name} class={toNumber(value) === 0 ? 'counter zero' : 'counter'} title={formatExact(value)}>
            <span class="counter-value">{kind === 'bytes' ? formatSize(value) : formatCount(value)}</span>
            <span class="counter-label">{label}</span>
          </div>
        );
      })}
    </section>
  );
}

function Settings({ region }: { region: Region }) {
  const options = Object.entries(region.options);
  if (options.length === 0) return null;
  return (
    <section class="panel facts">
      <h2 class="panel-title">Attached with</h2>
      <dl>{options.map(([key, value]) => <div key={key}><dt>{key}</dt><dd class="mono">{String(value)}</dd></div>)}</dl>
    </section>
  );
}

/** The vectors that were heard, in their order, the others last. */
function vectorLines(state: RegionState) {
  const heard = [...new Set([...state.lights.keys()].sort((a, b) => a - b).map(vectorSeries))];
  const lines = heard.map((name) => ({ name, label: name }));
  return lines.length > 0 ? lines : [{ name: 'received', label: 'received' }];
}

export function Overview({ state }: { state: RegionState }) {
  const [span, setSpan] = useState<'60' | '300' | '900'>('60');
  const region = state.region.value;
  const seconds = Number(span);
  return (
    <div class="overview">
      <div class="overview-main">
        {region.vectors > 0 ? <Vectors state={state} /> : null}
        <Counters region={region} />
        <div class="charts-head">
          <h2>Over time</h2>
          <Choice label="Time shown" value={span} onChange={setSpan} values={[['60', '1 min'], ['300', '5 min'], ['900', '15 min']]} />
        </div>
        <div class="charts">
          <Chart title="Interrupts received per second" region={state} lines={() => vectorLines(state)} format={formatRate} seconds={seconds} />
          <Chart title="Bytes per second" region={state} lines={() => BYTES} format={formatByteRate} seconds={seconds} binary />
          <Chart title="Peers" region={state} lines={() => PEERS} format={(value) => String(Math.round(value))} seconds={seconds} stepped />
        </div>
      </div>
      <div class="overview-side">
        <Facts region={region} />
        <Settings region={region} />
      </div>
    </div>
  );
}
