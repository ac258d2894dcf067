// SPDX-License-Identifier: LGPL-3.0-or-later
// Said over everything else while the daemon does not answer.
import { useEffect, useState } from 'preact/hooks';

import { formatDuration } from '../lib/format';
import { goneSince, probe, retryAt, state } from '../state/link';
import { Icon } from '../ui/icon';

function Countdown() {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, []);
  const left = Math.ceil((retryAt.value - Date.now()) / 1000);
  return (
    <span aria-hidden="true">
      {`Gone for ${formatDuration((Date.now() - goneSince.value) / 1000)}; `}
      {left > 0 ? `next try in ${left} s.` : 'trying…'}
    </span>
  );
}

export function GoneBanner() {
  if (state.value !== 'gone') return null;
  return (
    <div class="banner" role="alert">
      <Icon name="warning" />
      <p><strong>The daemon does not answer.</strong> What you see is how it was. <Countdown /></p>
      <button type="button" onClick={() => void probe()}>Try now</button>
    </div>
  );
}
