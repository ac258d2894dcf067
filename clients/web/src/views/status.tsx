// SPDX-License-Identifier: LGPL-3.0-or-later
// One line at the bottom: how the daemon is, and how far its events have come.
import { toNumber } from '../lib/number';
import { formatDuration, formatExact, plural } from '../lib/format';
import { daemon, serial, state, streaming } from '../state/link';
import { lost, recentSeconds, version } from '../state/eventlog';

function eventsPerSecond(): number {
  version.value;
  const now = Math.floor(Date.now() / 1000);
  const last = recentSeconds().filter(({ at }) => at >= now - 5 && at < now);
  return last.reduce((sum, { counts }) => sum + Object.values(counts).reduce((a, b) => a + b, 0), 0) / 5;
}

function Health() {
  if (state.value === 'gone') return <span class="health bad"><i />not answering</span>;
  if (!streaming.value) return <span class="health warn"><i />connecting to its events</span>;
  return <span class="health good"><i />live</span>;
}

/** How many events the daemon is ahead of us, when it was last asked. */
function behind(): number {
  const newest = serial.peek();
  return daemon.value && newest ? Math.max(0, toNumber(daemon.value.event_serial) - toNumber(newest)) : 0;
}

export function StatusBar() {
  const now = daemon.value;
  const late = behind();
  const rate = eventsPerSecond();
  // It changes with each event, and is drawn with the log's version.
  const newest = serial.peek();
  return (
    <footer class="status" aria-label="Status">
      <Health />
      {now ? <span>{`ivshmemd ${now.version}`}</span> : null}
      {now ? <span class="wide-only">{`up ${formatDuration(now.uptime_seconds)}`}</span> : null}
      {now?.http ? <span class="wide-only">{plural(now.http.streams, 'stream')}</span> : null}
      <span class="status-end">
        {lost.value > 0 ? <span class="warn-text">{`${formatExact(lost.value)} events lost`}</span> : null}
        <span class="wide-only">{rate >= 0.1 ? `${rate.toFixed(rate < 10 ? 1 : 0)} events/s` : 'quiet'}</span>
        {newest ? <span class="mono" title="The newest event that this page has">{`#${newest}`}</span> : null}
        {late > 0 ? <span class="wide-only">{`${plural(late, 'event')} behind`}</span> : null}
      </span>
      <a class="wide-only" href="v1/openapi.json">API</a>
      <a class="wide-only" href="licenses.txt">Licences</a>
    </footer>
  );
}
