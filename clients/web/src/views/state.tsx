// SPDX-License-Identifier: LGPL-3.0-or-later
import type { State } from '../api/types';

export function StateBadge({ state, reason }: { state: State; reason?: string | null }) {
  return <span class={`state ${state}`} title={reason ?? undefined}><i />{state}</span>;
}
