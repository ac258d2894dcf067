// SPDX-License-Identifier: LGPL-3.0-or-later
import { Component, type ComponentChildren } from 'preact';

import { describe } from '../api/client';
import { Empty } from './empty';

/** A fault of the page in one view is said there, and leaves the rest working. */
export class Guard extends Component<{ children: ComponentChildren }, { error?: unknown }> {
  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ error });
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return (
      <Empty title="This view has failed">
        <p>{describe(this.state.error)}</p>
        <p><button type="button" onClick={() => location.reload()}>Load the page again</button></p>
      </Empty>
    );
  }
}
