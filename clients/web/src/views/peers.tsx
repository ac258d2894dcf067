// SPDX-License-Identifier: LGPL-3.0-or-later
// Who is in a region: drawn around it, and as a table.
import { useEffect, useState } from 'preact/hooks';

import { api } from '../api/client';
import type { Peer, Region } from '../api/types';
import { epoch } from '../state/link';
import { mayKick, mayRing } from '../state/may';
import type { RegionState } from '../state/regions';
import { openDialog } from '../ui/dialog';
import { Empty } from '../ui/empty';
import { Icon } from '../ui/icon';
import { ProblemNote } from '../ui/problem';
import { KickDialog } from './detach';
import { RingDialog } from './ring';

const DRAWN = 24;
/** With more their names would lie over each other. */
const NAMED = 5;
const SIZE = 340;
const RADIUS = 124;

function short(peer: Peer): string {
  return peer.executable ? peer.executable.replace(/^.*\//, '').slice(0, 18) : '';
}

/** The region in the middle and its peers around it. The table beside it says the same in words. */
function Circle({ region, peers }: { region: Region; peers: Peer[] }) {
  const shown = peers.slice(0, DRAWN);
  const place = (i: number) => {
    const angle = (i / shown.length) * 2 * Math.PI - Math.PI / 2;
    return [SIZE / 2 + Math.cos(angle) * RADIUS, SIZE / 2 + Math.sin(angle) * RADIUS] as const;
  };
  return (
    <svg class="circle" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={`${region.name} and its ${peers.length} peers`}>
      {shown.map(({ id }, i) => {
        const [x, y] = place(i);
        return <line key={id} class="circle-line" x1={SIZE / 2} y1={SIZE / 2} x2={x} y2={y} />;
      })}
      <circle class="circle-middle" cx={SIZE / 2} cy={SIZE / 2} r="46" />
      <text class="circle-name" x={SIZE / 2} y={SIZE / 2 - 2}>{region.name.length > 11 ? `${region.name.slice(0, 10)}…` : region.name}</text>
      <text class="circle-sub" x={SIZE / 2} y={SIZE / 2 + 16}>{region.own_id === null ? '' : `id ${region.own_id}`}</text>
      {shown.map((peer, i) => {
        const [x, y] = place(i);
        return (
          <g key={peer.id}>
            <circle class="circle-peer" cx={x} cy={y} r="20" />
            <text class="circle-id" x={x} y={y + 5}>{peer.id}</text>
            {shown.length <= NAMED ? <text class="circle-sub" x={x} y={y + 36}>{short(peer)}</text> : null}
          </g>
        );
      })}
    </svg>
  );
}

export function Peers({ state }: { state: RegionState }) {
  const region = state.region.value;
  const [peers, setPeers] = useState<Peer[]>();
  const [error, setError] = useState<unknown>();
  const [asked, ask] = useState(0);
  useEffect(() => {
    let here = true;
    api.peers(region.name).then((list) => {
      if (!here) return;
      setPeers(list);
      setError(undefined);
    }, (wrong) => here && setError(wrong));
    return () => { here = false; };
  }, [region.peer_count, toKey(region), epoch.value, asked]);
  if (error) return <ProblemNote error={error} />;
  if (!peers) return <div class="loading" role="status">Asking for the peers…</div>;
  if (peers.length === 0) {
    return (
      <Empty title="Nobody is here">
        {region.capabilities.includes('peers')
          ? <p>Peers are shown as they come: QEMUs, and programs that join.</p>
          : <p>A region of this kind does not tell who uses it.</p>}
      </Empty>
    );
  }
  const detailed = peers.some(({ pid, executable }) => pid !== undefined || executable !== undefined);
  return (
    <div class="peers">
      <div class="panel circle-panel"><Circle region={region} peers={peers} />
        {peers.length > DRAWN ? <p class="muted">{`${peers.length - DRAWN} more are in the table.`}</p> : null}
      </div>
      <div class="panel table-panel">
        <table>
          <thead><tr>
            <th scope="col" class="num">Id</th><th scope="col" class="num">Vectors</th>
            {detailed ? <><th scope="col" class="num">Pid</th><th scope="col" class="num">User</th><th scope="col">Program</th></> : null}
            <th scope="col"><span class="hidden">Actions</span></th>
          </tr></thead>
          <tbody>
            {peers.map((peer) => (
              <tr key={peer.id}>
                <th scope="row" class="num">{peer.id}</th><td class="num" data-label="Vectors">{peer.vectors}</td>
                {detailed ? <>
                  <td class="num" data-label="Pid">{peer.pid ?? '–'}</td>
                  <td class="num" data-label="User">{peer.uid === undefined ? '–' : `${peer.uid}:${peer.gid ?? ''}`}</td>
                  <td class="mono ellipsis" data-label="Program" title={peer.executable}>{peer.executable ?? '–'}</td>
                </> : null}
                <td class="row-actions">
                  {mayRing(region) ? <button type="button" class="small" aria-label={`Ring peer ${peer.id}`}
                    onClick={() => openDialog(<RingDialog region={region} peer={peer.id} />)}><Icon name="bell" />Ring</button> : null}
                  {mayKick(region) ? <button type="button" class="small" aria-label={`Kick peer ${peer.id}`}
                    onClick={() => openDialog(<KickDialog region={region} peer={peer} onDone={() => ask((n) => n + 1)} />)}><Icon name="kick" />Kick</button> : null}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

/** A peer that goes while another comes changes no count. */
function toKey(region: Region): string {
  return `${region.statistics.peers_connected} ${region.statistics.peers_disconnected} ${region.generation}`;
}
