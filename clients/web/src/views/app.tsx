// SPDX-License-Identifier: LGPL-3.0-or-later
// The frame of the page: where one can go, how the daemon is, and the view.
import { useEffect } from 'preact/hooks';

import { go, href, route } from '../lib/route';
import { addShortcuts } from '../lib/shortcuts';
import { nextTheme } from '../lib/theme';
import { state } from '../state/link';
import { mayAttach } from '../state/may';
import { DialogPlace, openDialog } from '../ui/dialog';
import { Guard } from '../ui/guard';
import { Icon, Logo, type IconName } from '../ui/icon';
import { Toasts } from '../ui/toast';
import { openAttach } from './attach';
import { Bridges } from './bridges';
import { EventsView } from './events';
import { HelpDialog } from './help';
import { GoneBanner } from './gone';
import { Login } from './login';
import { RegionView } from './region';
import { Regions } from './regions';
import { SessionMenu } from './session';
import { StatusBar } from './status';
import { ThemeButton } from './theme';

const PLACES: { id: string; label: string; icon: IconName }[] = [
  { id: 'regions', label: 'Regions', icon: 'regions' },
  { id: 'events', label: 'Events', icon: 'events' },
  { id: 'bridges', label: 'Bridges', icon: 'bridge' },
];

function View() {
  const [place = 'regions', name, tab] = route.value.parts;
  if (place === 'events') return <EventsView />;
  if (place === 'bridges') return <Bridges />;
  if (place === 'regions' && name !== undefined) return <RegionView key={name} name={name} tab={tab ?? 'overview'} />;
  return <Regions />;
}

function Header() {
  const place = route.value.parts[0] ?? 'regions';
  return (
    <header class="top">
      <a class="brand" href={href('regions')} aria-label="ivshmemd, to the regions"><Logo /><span>ivshmemd</span></a>
      <nav class="places" aria-label="Places">
        {PLACES.map(({ id, label, icon }) => (
          <a key={id} href={href(id)} aria-current={id === place ? 'page' : undefined}>
            <Icon name={icon} /><span>{label}</span>
          </a>
        ))}
      </nav>
      <div class="top-end">
        {mayAttach() ? (
          <button type="button" class="primary" onClick={openAttach}><Icon name="add" /><span>Attach</span></button>
        ) : null}
        <ThemeButton />
        <button type="button" class="quiet square keys-help" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)"
          onClick={() => openDialog(<HelpDialog />)}><Icon name="help" /></button>
        <SessionMenu />
      </div>
    </header>
  );
}

export function App() {
  useEffect(() => addShortcuts([
    { keys: '?', what: 'This help', group: 'Everywhere', run: () => openDialog(<HelpDialog />) },
    { keys: 'g r', what: 'Go to the regions', group: 'Everywhere', run: () => go('regions') },
    { keys: 'g e', what: 'Go to the events', group: 'Everywhere', run: () => go('events') },
    { keys: 'g b', what: 'Go to the bridges', group: 'Everywhere', run: () => go('bridges') },
    { keys: 'a', what: 'Attach a region', group: 'Everywhere', run: openAttach },
    { keys: 't', what: 'Light, dark, or as the system', group: 'Everywhere', run: nextTheme },
    { keys: '/', what: 'To the filter', group: 'Everywhere',
      run: () => document.querySelector<HTMLElement>('[data-filter]')?.focus() },
  ]), []);
  if (state.value === 'starting') return <div class="starting" role="status" aria-label="Connecting"><Logo /></div>;
  if (state.value === 'login') return <><Login /><Toasts /></>;
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => {
        event.preventDefault();
        document.getElementById('main')?.focus();
      }}>Skip to the content</a>
      <Header />
      <GoneBanner />
      <main id="main" tabIndex={-1}><Guard key={route.value.parts.slice(0, 2).join('/')}><View /></Guard></main>
      <StatusBar />
      <DialogPlace />
      <Toasts />
    </div>
  );
}
