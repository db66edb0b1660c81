// Fields of forms: a label, the control, and what is to know about it.
import { html, useState } from '../html.js';
import { jsonFault } from '../json.js';

let fields = 0;
const useFieldId = () => useState(() => `field-${++fields}`)[0];

/** @param {{label: string, hint?: string, fault?: string | null, control: (attributes: object) => unknown}} props */
export function Field({ label, hint, fault, control }) {
  const id = useFieldId();
  const about = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ');
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control({ id, 'aria-describedby': about || undefined, 'aria-invalid': fault ? 'true' : undefined })}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${fault && html`<p class="fault" id="${id}-fault" aria-live="polite">${fault}</p>`}
  </div>`;
}

/** @param {{label: string, value: string, onInput: (v: string) => void, hint?: string, fault?: string | null, list?: string[], first?: boolean}} props */
export function TextField({ label, value, onInput, hint, fault, list, first, ...rest }) {
  const id = useFieldId();
  return html`<${Field} label=${label} hint=${hint} fault=${fault} control=${(attributes) => html`
    <input type="text" autocomplete="off" spellcheck=${false} ...${rest} ...${attributes} value=${value} list=${list && `${id}-list`}
      data-first=${first ? '' : undefined} onInput=${(e) => onInput(e.target.value)} />
    ${list && html`<datalist id="${id}-list">${list.map((option) => html`<option value=${option}></option>`)}</datalist>`}`} />`;
}

/** A field that takes effect on Enter, on leaving it, or when an option is picked. */
export function LateField({ label, value, onChange, list }) {
  const [text, setText] = useState(value);
  const [last, setLast] = useState(value);
  if (value !== last) {
    setLast(value);
    setText(value);
  }
  const input = (next) => {
    setText(next);
    if (next === '' || list?.includes(next)) onChange(next);
  };
  const commit = () => { if (text !== value) onChange(text.trim()); };
  return html`<${TextField} label=${label} placeholder="Any" value=${text} list=${list} onInput=${input} onBlur=${commit} onKeyDown=${(e) => { if (e.key === 'Enter') commit(); }} />`;
}

/** A text that has to be JSON, or may be empty. */
export function JsonField({ label, value, onInput, hint, first }) {
  return html`<${Field} label=${label} hint=${hint} fault=${value.trim() === '' ? null : jsonFault(value)} control=${(attributes) => html`
    <textarea rows="6" spellcheck=${false} class="mono" ...${attributes} value=${value} data-first=${first ? '' : undefined} onInput=${(e) => onInput(e.target.value)}></textarea>`} />`;
}

export const isJson = (text) => text.trim() === '' || jsonFault(text) === null;

/** @param {{label: string, value: string, options: [string, string][], onInput: (v: string) => void}} props */
export const SelectField = ({ label, value, options, onInput, hint, first }) => html`<${Field} label=${label} hint=${hint} control=${(attributes) => html`
  <select ...${attributes} value=${value} data-first=${first ? '' : undefined} onChange=${(e) => onInput(e.target.value)}>${options.map(([v, text]) => html`<option value=${v} selected=${v === value}>${text}</option>`)}</select>`} />`;

export const Check = ({ label, checked, onInput }) => html`<label class="check"><input type="checkbox" checked=${checked} onChange=${(e) => onInput(e.target.checked)} />${label}</label>`;
