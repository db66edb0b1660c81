// Asks for the API's key.
import { useKey } from './api.js';
import { html, useState } from './html.js';
import { Icon } from './ui/icon.js';
import { Field } from './ui/field.js';

/** @param {{refused: boolean}} props whether a key was given and did not fit */
export function KeyForm({ refused }) {
  const [key, setKey] = useState('');
  const submit = (e) => {
    e.preventDefault();
    if (key.trim()) useKey(key.trim());
  };
  return html`<main id="main" class="lock" tabindex="-1">
    <form class="card" onSubmit=${submit}>
      <span class="notice-icon"><${Icon} name="key" /></span>
      <h1>This Stent needs a key</h1>
      <p>Enter one of its <code>STENT_API_KEYS</code>. It stays in this tab until you close it, and is sent to this service only.</p>
      <${Field} label="API key" fault=${refused ? 'The service did not take the last key.' : null} control=${(attributes) => html`
        <input type="password" autocomplete="off" autofocus ...${attributes} value=${key} onInput=${(e) => setKey(e.target.value)} />`} />
      <button type="submit" class="button primary" disabled=${!key.trim()}>Open the dashboard</button>
      <p class="muted">The <a href="/docs">REST reference</a> is open without one.</p>
    </form>
  </main>`;
}
