// SPDX-License-Identifier: LGPL-3.0-or-later
import { useEffect, useState } from 'preact/hooks';

import { api } from '../api/client';
import type { Peer, Region } from '../api/types';
import { plural } from '../lib/format';
import { closeDialog, Dialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { ProblemNote } from '../ui/problem';

const MOST_VECTORS = 2048;

interface Props {
  region: Region;
  peer?: number;
}

/** It stays open: who rings once often rings again. */
export function RingDialog({ region, peer: first }: Props) {
  const [peers, setPeers] = useState<Peer[]>([]);
  const [peer, setPeer] = useState(first === undefined ? 'all' : String(first));
  const [vector, setVector] = useState('0');
  const [error, setError] = useState<unknown>();
  const [told, setTold] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    api.peers(region.name).then(setPeers, setError);
  }, []);
  const known = peers.find(({ id }) => String(id) === peer)?.vectors ?? Math.max(region.vectors, ...peers.map((one) => one.vectors));
  const vectors = Math.min(Math.max(known, 1), MOST_VECTORS);
  const submit = async () => {
    // Not disabled: who holds the focus would lose it.
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const sent = await api.ring(region.name, peer === 'all' ? 'all' : Number(peer), vector === 'all' ? 'all' : Number(vector));
      setTold(`${new Date().toLocaleTimeString()}: ${plural(sent, 'interrupt')} sent.`);
    } catch (wrong) {
      setTold('');
      setError(wrong);
    }
    setBusy(false);
  };
  return (
    <Dialog title={`Ring in ${region.name}`} onSubmit={() => void submit()}>
      <div class="dialog-body">
        <div class="field">
          <label for="ring-peer">Peer</label>
          <select id="ring-peer" value={peer} data-first onChange={(event) => setPeer(event.currentTarget.value)}>
            <option value="all">{`all ${peers.length ? `(${peers.length})` : ''}`}</option>
            {region.own_id === null ? null : <option value={region.own_id}>{`${region.own_id}: the daemon itself`}</option>}
            {peers.filter(({ id }) => id !== region.own_id).map(({ id, executable, pid }) => (
              <option key={id} value={id}>{`${id}${executable ? `: ${executable.replace(/^.*\//, '')}` : ''}${pid ? ` (pid ${pid})` : ''}`}</option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="ring-vector">Vector</label>
          <select id="ring-vector" value={vector} onChange={(event) => setVector(event.currentTarget.value)}>
            <option value="all">all</option>
            {[...Array(vectors).keys()].map((one) => <option key={one} value={one}>{one}</option>)}
          </select>
        </div>
        <ProblemNote error={error} />
        <p class="told" role="status">{told}</p>
      </div>
      <footer class="dialog-foot">
        <button type="button" onClick={closeDialog}>Close</button>
        <button type="submit" class="primary" aria-disabled={busy}><Icon name="bell" />Ring</button>
      </footer>
    </Dialog>
  );
}
