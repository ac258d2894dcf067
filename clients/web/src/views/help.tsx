// SPDX-License-Identifier: LGPL-3.0-or-later
import { shortcuts } from '../lib/shortcuts';
import { Dialog } from '../ui/dialog';

const FIXED: [string, [string, string][]][] = [
  ['Bytes', [
    ['↑ ↓ ← →', 'Move; with Shift, select'], ['PgUp PgDn', 'A page up or down'], ['Ctrl Home', 'The first byte'],
    ['Ctrl End', 'The last byte'], ['g', 'Jump to an offset'], ['e', 'Arm editing'], ['Backspace', 'Take a changed byte back'],
    ['Ctrl Enter', 'Write the changed bytes'], ['Esc', 'Leave editing'],
  ]],
  ['Activity map', [['↑ ↓ ← →', 'Move over the region'], ['Enter', 'Show the bytes there']]],
];

function Rows({ rows }: { rows: [string, string][] }) {
  return (
    <dl class="keys">
      {rows.map(([keys, what]) => (
        <div key={keys}><dt>{keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>
      ))}
    </dl>
  );
}

export function HelpDialog() {
  const groups = new Map<string, [string, string][]>();
  for (const { keys, what, group } of shortcuts()) groups.set(group, [...(groups.get(group) ?? []), [keys, what]]);
  return (
    <Dialog title="Keyboard" wide>
      <div class="dialog-body help">
        {[...groups, ...FIXED].map(([group, rows]) => (
          <section key={group}><h3>{group}</h3><Rows rows={rows} /></section>
        ))}
      </div>
    </Dialog>
  );
}
