// Short messages on what was done, said to screen readers too.
import { html } from '../html.js';
import { store, useStore } from '../store.js';
import { Icon } from './icon.js';

const shown = store({ text: '', bad: false });
let timer = null;

/** Shows a message for some seconds. */
export function announce(text, bad = false) {
  shown.set({ text, bad });
  clearTimeout(timer);
  timer = setTimeout(() => shown.set({ text: '', bad: false }), bad ? 10_000 : 5_000);
}

export function Toasts() {
  const { text, bad } = useStore(shown);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${text && html`<p class="toast ${bad ? 'tone-bad' : ''}"><${Icon} name=${bad ? 'warning' : 'check'} />${text}</p>`}
  </div>`;
}
