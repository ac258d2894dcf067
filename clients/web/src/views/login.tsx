// SPDX-License-Identifier: LGPL-3.0-or-later
import { useRef, useState } from 'preact/hooks';

import { logIn, loginNote } from '../state/link';
import { Icon, Logo } from '../ui/icon';
import { ThemeButton } from './theme';

export function Login() {
  const input = useRef<HTMLInputElement>(null);
  const [wrong, setWrong] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    if (busy) return;
    setBusy(true);
    setWrong(await logIn(input.current?.value ?? ''));
    setBusy(false);
    input.current?.select();
  };
  return (
    <main class="login">
      <div class="login-theme"><ThemeButton /></div>
      <form class="login-box" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
        <Logo />
        <h1>ivshmemd</h1>
        {loginNote.value ? <p class="note" role="status"><Icon name="warning" />{loginNote.value}</p> : null}
        <p>Open the link that this prints on the daemon's machine, or paste it here:</p>
        <pre><code>ivshmemctl web</code></pre>
        <label for="token">Link or token</label>
        <input id="token" ref={input} type="password" autocomplete="off" spellcheck={false} autofocus
          aria-invalid={wrong !== ''} aria-describedby="token-help" placeholder="ivs_…" />
        <p id="token-help" class={wrong ? 'field-wrong' : 'field-help'} role={wrong ? 'alert' : undefined}>
          {wrong || 'It stays in this page; the browser keeps a cookie for this daemon only.'}
        </p>
        <button type="submit" class="primary" aria-disabled={busy}>{busy ? 'Logging in…' : 'Log in'}</button>
      </form>
    </main>
  );
}
