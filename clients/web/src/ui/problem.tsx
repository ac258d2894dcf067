// SPDX-License-Identifier: LGPL-3.0-or-later
import { describe, Problem } from '../api/client';
import { Icon } from './icon';

/** What went wrong, with all that the daemon said of it. */
export function ProblemNote({ error }: { error: unknown }) {
  if (!error) return null;
  const problem = error instanceof Problem ? error : undefined;
  return (
    <div class="note bad" role="alert">
      <Icon name="warning" />
      <p>{describe(error)}{problem?.code ? <code class="tag">{problem.code}</code> : null}</p>
    </div>
  );
}
