// SPDX-License-Identifier: LGPL-3.0-or-later
// Attaches a region: a plugin, a name, and the plugin's options as it describes them.
import { useEffect, useState } from 'preact/hooks';

import { api, describe, Problem } from '../api/client';
import type { Candidate, Plugin, PluginOption } from '../api/types';
import { formatSize } from '../lib/format';
import { go } from '../lib/route';
import { mayAttach } from '../state/may';
import * as regions from '../state/regions';
import { closeDialog, Dialog, openDialog } from '../ui/dialog';
import { ProblemNote } from '../ui/problem';
import { sayGood } from '../ui/toast';

type NamedPlugin = Plugin & { name: string };
type Values = Record<string, string>;

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const HINTS: Record<string, string> = {
  path: '/dev/shm/…', size: '4M', mode: '0660', duration: '5s', user: 'name or number', group: 'name or number',
  list: 'a,b,c', number: '0',
};

function isNamed(plugin: Plugin): plugin is NamedPlugin {
  return plugin.name !== undefined;
}

/** What a candidate is called, as a region's name may be. */
function nameOf(candidate: Candidate): string {
  return String(candidate.name ?? candidate.path ?? '').replace(/^.*\//, '').replace(/[^A-Za-z0-9_.-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '').slice(0, 64);
}

/** What is known of it, in words: flags only where they are set. */
function tell(candidate: Candidate): string {
  return Object.entries(candidate).filter(([key, value]) => key !== 'name' && key !== 'plugin' && value !== false).map(([key, value]) => {
    const word = key.replaceAll('_', ' ');
    if (value === true) return word;
    if (key === 'size') return formatSize(value as number);
    return key === 'path' ? String(value) : `${word} ${value}`;
  }).join(' · ');
}

function Field({ option, value, onChange }: { option: PluginOption; value: string; onChange: (value: string) => void }) {
  const id = `option-${option.name}`;
  const help = `${id}-help`;
  if (option.type === 'boolean') {
    const on = (value || option.default || 'false') === 'true';
    return (
      <div class="field check">
        <input id={id} type="checkbox" checked={on} aria-describedby={help}
          onChange={(event) => onChange(String(event.currentTarget.checked))} />
        <label for={id}>{option.name}</label>
        <p id={help} class="field-help">{option.description}</p>
      </div>
    );
  }
  return (
    <div class="field">
      <label for={id}>{option.name}{option.required ? <span class="must"> needed</span> : null}
        <span class="type">{option.type}</span></label>
      <input id={id} value={value} required={option.required} aria-describedby={help} autocomplete="off" spellcheck={false}
        inputMode={option.type === 'number' ? 'numeric' : undefined}
        placeholder={option.default ?? HINTS[option.type] ?? ''} onInput={(event) => onChange(event.currentTarget.value)} />
      <p id={help} class="field-help">{option.description}{option.default ? <>; by default <code>{option.default}</code></> : null}</p>
    </div>
  );
}

function Candidates({ plugin, onPick }: { plugin: string; onPick: (candidate: Candidate) => void }) {
  const [found, setFound] = useState<Candidate[] | string>();
  useEffect(() => {
    let here = true;
    setFound(undefined);
    api.candidates(plugin).then((list) => here && setFound(list), (error) => {
      // Not every kind of region can be looked for.
      if (here) setFound(error instanceof Problem && error.code === 'not-supported' ? [] : describe(error));
    });
    return () => { here = false; };
  }, [plugin]);
  if (typeof found === 'string') return <p class="field-help">{`What could be attached is not known: ${found}`}</p>;
  if (!found || found.length === 0) return null;
  return (
    <fieldset class="candidates">
      <legend>{`Found on this machine (${found.length})`}</legend>
      <ul>
        {found.slice(0, 200).map((candidate, i) => (
          <li key={i}>
            <button type="button" onClick={() => onPick(candidate)}>
              <strong>{String(candidate.name ?? candidate.path ?? `#${i}`)}</strong>
              <span>{tell(candidate)}</span>
            </button>
          </li>
        ))}
      </ul>
    </fieldset>
  );
}

function Options({ plugin, values, set }: { plugin: Plugin; values: Values; set: (key: string, value: string) => void }) {
  const options = plugin.options ?? [];
  // What is needed or nearly always given stands first; the rest can be opened.
  const main = options.filter(({ name, required }) => required || ['size', 'vectors', 'create', 'path', 'socket', 'device'].includes(name));
  const more = options.filter((option) => !main.includes(option));
  const field = (option: PluginOption) => (
    <Field key={`${plugin.name} ${option.name}`} option={option} value={values[option.name] ?? ''}
      onChange={(value) => set(option.name, value)} />
  );
  return (
    <>
      <div class="fields">{main.map(field)}</div>
      {more.length > 0 ? (
        <details class="more"><summary>{`${more.length} more options`}</summary><div class="fields">{more.map(field)}</div></details>
      ) : null}
    </>
  );
}

function PluginChoice({ plugins, chosen, onChoose }: { plugins: NamedPlugin[]; chosen: string; onChoose: (name: string) => void }) {
  return (
    <fieldset class="plugins">
      <legend>Kind</legend>
      {plugins.map(({ name, description, error }, i) => (
        <label key={name} class={error ? 'plugin broken' : 'plugin'}>
          <input type="radio" name="plugin" value={name} checked={name === chosen} disabled={error !== undefined}
            data-first={i === 0 ? true : undefined} onChange={() => onChoose(name)} />
          <strong>{name}</strong><span>{error ?? description}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Only what was given, and each as its type wants it. */
function given(plugin: Plugin, values: Values): Record<string, string | boolean> {
  const result: Record<string, string | boolean> = {};
  for (const { name, type } of plugin.options ?? []) {
    const value = values[name];
    if (value === undefined || value === '') continue;
    result[name] = type === 'boolean' ? value === 'true' : value;
  }
  return result;
}

function AttachDialog() {
  const [plugins, setPlugins] = useState<NamedPlugin[]>([]);
  const [chosen, setChosen] = useState('');
  const [name, setName] = useState('');
  const [values, setValues] = useState<Values>({});
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    api.plugins().then((all) => {
      const list = all.filter(isNamed);
      setPlugins(list);
      setChosen(list.find((plugin) => plugin.error === undefined)?.name ?? '');
    }, setError);
  }, []);
  const plugin = plugins.find((one) => one.name === chosen);
  const pick = (candidate: Candidate) => {
    const next = { ...values };
    for (const option of plugin?.options ?? []) {
      // A device is chosen by its name.
      const value = candidate[option.name] ?? (option.name === 'device' ? candidate.name : undefined);
      // A file's own size, owner and mode are no wishes.
      if (value !== undefined && ['path', 'socket', 'device'].includes(option.name)) next[option.name] = String(value);
    }
    setValues(next);
    if (name === '') setName(nameOf(candidate));
  };
  const submit = async () => {
    if (!plugin || busy) return;
    if (!NAME.test(name)) {
      setError(new Error('A name has 1 to 64 of the characters A-Z a-z 0-9 _ . - and begins with a letter or digit.'));
      return;
    }
    setBusy(true);
    setError(undefined);
    try {
      const region = await api.attach(plugin.name, name, given(plugin, values));
      regions.update(region);
      closeDialog();
      sayGood(`Attached ${name}`);
      go('regions', name);
    } catch (wrong) {
      setError(wrong);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Attach a region" wide onSubmit={() => void submit()}>
      <div class="dialog-body">
        <PluginChoice plugins={plugins} chosen={chosen} onChoose={(one) => { setChosen(one); setValues({}); setError(undefined); }} />
        {plugin ? (
          <>
            <div class="field">
              <label for="attach-name">Name<span class="must"> needed</span></label>
              <input id="attach-name" value={name} required autocomplete="off" spellcheck={false} placeholder="lab"
                onInput={(event) => setName(event.currentTarget.value)} />
            </div>
            <Candidates plugin={plugin.name} onPick={pick} />
            <Options plugin={plugin} values={values} set={(key, value) => setValues({ ...values, [key]: value })} />
          </>
        ) : null}
        <ProblemNote error={error} />
      </div>
      <footer class="dialog-foot">
        <button type="button" onClick={closeDialog}>Cancel</button>
        <button type="submit" class="primary" disabled={!plugin} aria-disabled={busy}>{busy ? 'Attaching…' : 'Attach'}</button>
      </footer>
    </Dialog>
  );
}

export function openAttach(): void {
  if (mayAttach()) openDialog(<AttachDialog />);
}
