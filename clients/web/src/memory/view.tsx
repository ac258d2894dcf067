// SPDX-License-Identifier: LGPL-3.0-or-later
// A region's bytes, live: the hex view, what is at its cursor, and the map.
import { useEffect, useRef, useState } from 'preact/hooks';

import { endWatch, startWatch, type Following } from '../api/watches';
import { formatExact, hexOffset, plural } from '../lib/format';
import { parseOffset, toNumber } from '../lib/number';
import { route } from '../lib/route';
import { epoch, state as link } from '../state/link';
import { mayRead, mayWrite } from '../state/may';
import type { RegionState } from '../state/regions';
import { Choice } from '../ui/choice';
import { Empty } from '../ui/empty';
import { Icon } from '../ui/icon';
import { ProblemNote } from '../ui/problem';
import { sayBad, sayGood } from '../ui/toast';
import { Bytes } from './bytes';
import { HexGrid, type Pane } from './hexgrid';
import { Inspector } from './inspector';
import { listen } from './keys';
import { ActivityMap } from './map';
import { Scrollbar } from './scrollbar';

const WATCH_MS = 50;
const SETTLE_MS = 120;
/** Where nothing can be watched one looks oneself. */
const POLL_MS = 1000;

const WORDS: Record<Following, string> = {
  waiting: 'connecting…', watching: 'follows changes', refused: 'looks once a second', away: 'looks once a second',
};

function Jump({ grid }: { grid: HexGrid | undefined }) {
  const input = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState('');
  const submit = () => {
    if (!grid) return;
    const to = parseOffset(input.current!.value, grid.cursor, grid.bytes.size);
    if (typeof to === 'string') {
      setWrong(to);
      return;
    }
    setWrong('');
    grid.jump(to);
    grid.box.focus();
  };
  return (
    <form class="jump" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <label for="jump">Offset</label>
      <input id="jump" ref={input} class="mono" autocomplete="off" spellcheck={false} placeholder="0x0 (g)" aria-invalid={wrong !== ''}
        aria-describedby="jump-wrong" onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          setWrong('');
          grid?.box.focus();
        }} />
      <button type="submit">Go</button>
      <span id="jump-wrong" class="field-wrong" role={wrong ? 'alert' : undefined}>{wrong}</span>
    </form>
  );
}

function EditBar({ bytes, pane, setPane, onWrite, onLeave, busy }: {
  bytes: Bytes; pane: Pane; setPane: (pane: Pane) => void; onWrite: () => void; onLeave: () => void; busy: boolean;
}) {
  const runs = bytes.runs();
  const count = bytes.edits.size;
  const conflicts = bytes.conflicts();
  return (
    <div class="editbar" role="region" aria-label="Editing">
      <span class="editbar-armed"><Icon name="edit" />Armed</span>
      <Choice label="Type as" value={pane} onChange={setPane} values={[['hex', 'Hex'], ['text', 'Text']]} />
      <p role="status">
        {count === 0 ? 'Type over bytes; nothing is written before you say so.'
          : `${plural(count, 'byte')} typed${runs.length > 1 ? ` in ${runs.length} places` : ` at ${hexOffset(runs[0]!.offset)}`}.`}
        {conflicts > 0 ? <strong class="warn-text">{` ${plural(conflicts, 'of them was', 'of them were')} changed by somebody else meanwhile.`}</strong> : null}
      </p>
      <span class="editbar-end">
        <button type="button" disabled={count === 0} onClick={() => bytes.revert()}>Discard</button>
        <button type="button" class="warn" disabled={count === 0 || busy} onClick={onWrite}>{count === 0 ? 'Write' : `Write ${plural(count, 'byte')}`}</button>
        <button type="button" onClick={onLeave}>Done</button>
      </span>
    </div>
  );
}

/** The grid and what it stands on, made for the elements once they are there. */
function useGrid(region: string, size: number) {
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const [grid, setGrid] = useState<HexGrid>();
  const [version, bump] = useState(0);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const bytes = new Bytes(region, size);
    const made = new HexGrid(box.current!, inner.current!, bytes);
    const change = () => bump((n) => n + 1);
    bytes.onUpdate = () => { setError(undefined); made.draw(); change(); };
    bytes.onError = setError;
    made.onMove = change;
    made.onScroll = change;
    made.layout();
    const observer = new ResizeObserver(() => made.layout());
    observer.observe(box.current!);
    setGrid(made);
    const at = parseOffset(route.peek().query.get('at') ?? '', 0, size);
    if (typeof at === 'number') made.jump(at);
    return () => {
      observer.disconnect();
      made.end();
      bytes.end();
      inner.current?.replaceChildren();
    };
  }, [region, size]);
  return { box, inner, grid, version, error, bump };
}

/** Follows what is seen: reads it, watches it, and reads again what has changed. */
function useFollow(region: string, grid: HexGrid | undefined, from: number, to: number): [Following, string] {
  const [following, setFollowing] = useState<[Following, string]>(['waiting', '']);
  const live = link.value === 'live';
  const era = epoch.value;
  useEffect(() => {
    if (!grid || !live) return undefined;
    if (!grid.bytes.has(from, to)) grid.bytes.refresh(from, to);
    let watch: ReturnType<typeof startWatch> | undefined;
    const settle = setTimeout(() => {
      grid.bytes.refresh(from, to);
      watch = startWatch(region, from, to - from, WATCH_MS, {
        changed: (offset, length) => grid.bytes.refresh(offset, offset + length),
        following: (how, why = '') => {
          setFollowing([how, why]);
          // What changed before the watch's first look is told by nobody.
          if (how === 'watching') grid.bytes.refresh(from, to);
        },
      });
    }, SETTLE_MS);
    return () => {
      clearTimeout(settle);
      if (watch) endWatch(watch);
    };
  }, [region, grid, from, to, live, era]);
  const polls = following[0] === 'refused' || following[0] === 'away';
  useEffect(() => {
    if (!grid || !live || !polls) return undefined;
    const timer = setInterval(() => { if (!document.hidden) grid.bytes.refresh(from, to); }, POLL_MS);
    return () => clearInterval(timer);
  }, [grid, from, to, live, polls]);
  return following;
}

function Memory({ state, size }: { state: RegionState; size: number }) {
  const region = state.region.value;
  const { box, inner, grid, version, error, bump } = useGrid(region.name, size);
  const [armed, setArmed] = useState(false);
  const [busy, setBusy] = useState(false);
  const from = grid?.from ?? 0;
  const to = grid?.to ?? 0;
  const following = useFollow(region.name, grid, from, to);
  const writable = mayWrite(region);
  const arm = (on: boolean) => {
    if (!grid || (on && !writable)) return;
    grid.armed = on;
    grid.half = undefined;
    if (!on) grid.bytes.revert();
    setArmed(on);
    grid.draw();
    box.current!.focus();
  };
  const write = async () => {
    if (!grid || grid.bytes.edits.size === 0) return;
    setBusy(true);
    try {
      sayGood(`${plural(await grid.bytes.write(), 'byte')} written to ${region.name}`);
    } catch (wrong) {
      sayBad('Not written', wrong);
    }
    setBusy(false);
    box.current!.focus();
  };
  const commands = useRef({ arm, write });
  commands.current = { arm, write };
  useEffect(() => grid && listen(grid, {
    jump: () => {
      const input = document.getElementById('jump') as HTMLInputElement | null;
      input?.focus();
      input?.select();
    },
    arm: () => commands.current.arm(true),
    disarm: () => { if (grid.bytes.edits.size === 0) commands.current.arm(false); },
    write: () => void commands.current.write(),
  }), [grid]);
  const [first, last] = grid?.selection ?? [0, 0];
  return (
    <div class="memory" data-version={version}>
      <div class="panel hx">
        <div class="hx-bar">
          <Jump grid={grid} />
          <span class={`following ${following[0]}`} title={following[1]}><i />{WORDS[following[0]]}</span>
          {writable && !armed ? <button type="button" onClick={() => arm(true)}><Icon name="edit" />Edit</button> : null}
          {writable ? null : <span class="chip">read only for you</span>}
        </div>
        {armed && grid ? <EditBar bytes={grid.bytes} pane={grid.pane} busy={busy} onWrite={() => void write()} onLeave={() => arm(false)}
          setPane={(pane) => { grid.pane = pane; grid.half = undefined; grid.draw(); bump((n) => n + 1); }} /> : null}
        <ProblemNote error={error} />
        <div class="hx-body">
          <div class="hx-frame">
            <div id="hx-box" class={armed ? 'hx-box armed' : 'hx-box'} ref={box} tabIndex={0} role="grid" data-keys
              aria-label={`Bytes of ${region.name}${armed ? ', editing' : ''}`} aria-readonly={!armed} aria-multiselectable="true">
              <div class="hx-inner" role="rowgroup" ref={inner} />
            </div>
            <Scrollbar grid={grid} version={version} />
          </div>
          {grid ? <Inspector offset={grid.cursor} selected={last - first + 1} at={(at) => grid.bytes.edits.get(at)?.value ?? grid.bytes.at(at)} /> : null}
        </div>
      </div>
      <ActivityMap region={region.name} size={size} view={[from, to]} onJump={(offset) => { grid?.jump(offset); box.current?.focus(); }} />
      <p class="hidden" role="status">{grid ? `${hexOffset(grid.cursor)}` : ''}</p>
    </div>
  );
}

export function MemoryView({ state }: { state: RegionState }) {
  const region = state.region.value;
  const size = toNumber(region.size);
  if (!mayRead(region)) {
    return <Empty title="Its bytes are not for you"><p>You may see this region, and not read it.</p></Empty>;
  }
  if (size === 0) return <Empty title="No memory yet"><p>{region.reason ?? 'The region is not connected.'}</p></Empty>;
  if (size > Number.MAX_SAFE_INTEGER) {
    return <Empty title="Too large to show"><p>{`${formatExact(region.size)} bytes are more than this page can count.`}</p></Empty>;
  }
  // New memory under the same name is looked at anew.
  return <Memory key={`${region.generation} ${size}`} state={state} size={size} />;
}
