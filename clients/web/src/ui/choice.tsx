// SPDX-License-Identifier: LGPL-3.0-or-later
// A few values of which one is chosen, as a row of radio buttons.

interface Props<Value extends string> {
  label: string;
  values: [Value, string][];
  value: Value;
  onChange: (value: Value) => void;
}

export function Choice<Value extends string>({ label, values, value, onChange }: Props<Value>) {
  const step = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = values.findIndex(([one]) => one === value);
    const to = (at + by + values.length) % values.length;
    onChange(values[to]![0]);
    (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=radio]')[to]?.focus();
  };
  return (
    <div class="choice" role="radiogroup" aria-label={label} onKeyDown={step}>
      {values.map(([one, text]) => (
        <button key={one} type="button" role="radio" aria-checked={one === value} tabIndex={one === value ? 0 : -1}
          onClick={() => onChange(one)}>{text}</button>
      ))}
    </div>
  );
}
