// What stands where there is nothing to show: not yet, nothing at all, or a failure.
import { html } from '../html.js';
import { Icon } from './icon.js';
import { Copy } from './copy.js';

export const Loading = ({ what = 'Loading' }) => html`<div class="notice loading" role="status"><${Icon} name="spinner" class="turning" />${what}…</div>`;

/** @param {{icon?: string, title: string, children?: unknown}} props children say what to do next */
export const Empty = ({ icon = 'circle', title, children }) => html`
  <div class="notice empty"><span class="notice-icon"><${Icon} name=${icon} /></span><h3>${title}</h3>${children}</div>`;

/** @param {{error: Error, retry?: () => void}} props */
export const Failed = ({ error, retry }) => html`
  <div class="notice failed" role="alert">
    <span class="notice-icon tone-bad"><${Icon} name="warning" /></span>
    <h3>${error.title ?? 'This did not work'}</h3>
    <p>${error.message}</p>
    ${error.errors?.length > 0 && html`<ul>${error.errors.map((e) => html`<li><code>${e.pointer || 'body'}</code> ${e.detail}</li>`)}</ul>`}
    ${retry && html`<button type="button" class="button" onClick=${retry}><${Icon} name="retry" />Try again</button>`}
  </div>`;

/** A failure beside data that is still shown. */
export const Stale = ({ error, retry }) => error && html`
  <div class="banner tone-bad" role="alert"><${Icon} name="warning" /><span>What you see may be old: ${error.message}</span>
    <button type="button" class="button small" onClick=${retry}>Try again</button></div>`;

/** A command to paste into a shell. */
export const Command = ({ text }) => html`<div class="command"><pre tabindex="0" aria-label="Command">${text}</pre><${Copy} text=${text} what="command" /></div>`;
