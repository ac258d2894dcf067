// SPDX-License-Identifier: LGPL-3.0-or-later
import { useState } from 'preact/hooks';

import { api, Problem } from '../api/client';
import type { Peer, Region } from '../api/types';
import { plural } from '../lib/format';
import { go } from '../lib/route';
import * as regions from '../state/regions';
import { closeDialog, Dialog } from '../ui/dialog';
import { ProblemNote } from '../ui/problem';
import { sayGood } from '../ui/toast';

export function DetachDialog({ region }: { region: Region }) {
  const [force, setForce] = useState(false);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  // Asked for only where it is needed, so that nobody ticks it by habit.
  const crowded = region.peer_count > 0 || (error instanceof Problem && error.code === 'busy');
  const submit = async () => {
    if (busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await api.detach(region.name, force);
      closeDialog();
      regions.remove(region.name);
      sayGood(`Detached ${region.name}`);
      go('regions');
    } catch (wrong) {
      setError(wrong);
      setBusy(false);
    }
  };
  return (
    <Dialog title={`Detach ${region.name}?`} onSubmit={() => void submit()}>
      <div class="dialog-body">
        <p>The daemon gives the region up. Waits and watches on it end, and its counters are forgotten.</p>
        {crowded ? (
          <div class="field check">
            <input id="detach-force" type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />
            <label for="detach-force">{`Force it, though ${plural(region.peer_count, 'peer is', 'peers are')} connected`}</label>
            <p class="field-help">They lose the region; a guest keeps its mapping and hears no more interrupts.</p>
          </div>
        ) : null}
        <ProblemNote error={error} />
      </div>
      <footer class="dialog-foot">
        <button type="button" data-first onClick={closeDialog}>Keep it</button>
        <button type="submit" class="danger" aria-disabled={busy}>Detach</button>
      </footer>
    </Dialog>
  );
}

export function KickDialog({ region, peer, onDone }: { region: Region; peer: Peer; onDone: () => void }) {
  const [error, setError] = useState<unknown>();
  const submit = async () => {
    setError(undefined);
    try {
      await api.kick(region.name, peer.id);
      closeDialog();
      sayGood(`Peer ${peer.id} was kicked`);
      onDone();
    } catch (wrong) {
      setError(wrong);
    }
  };
  return (
    <Dialog title={`Kick peer ${peer.id}?`} onSubmit={() => void submit()}>
      <div class="dialog-body">
        <p>Its connection is closed and the others are told that it left. A QEMU does not connect again by itself.</p>
        {peer.executable ? <p><code>{peer.executable}</code>{peer.pid ? ` (pid ${peer.pid})` : ''}</p> : null}
        <ProblemNote error={error} />
      </div>
      <footer class="dialog-foot">
        <button type="button" data-first onClick={closeDialog}>Keep it</button>
        <button type="submit" class="danger">Kick</button>
      </footer>
    </Dialog>
  );
}
