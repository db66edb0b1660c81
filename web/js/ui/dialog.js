// Dialogs, in the browser's own element: it holds the focus and closes on Escape.
import { html, useEffect, useRef, useState } from '../html.js';
import { Icon } from './icon.js';

let titles = 0;

/** @param {{title: string, onClose: () => void, children: unknown, wide?: boolean}} props */
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(null);
  const [id] = useState(() => `dialog-title-${++titles}`);
  useEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog.showModal();
    (dialog.querySelector('[data-first]') ?? dialog.querySelector('footer .primary') ?? dialog.querySelector('footer .button'))?.focus(); // what does harm is not at hand
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  const cancel = (e) => {
    e.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${wide ? 'wide' : ''} aria-labelledby=${id} onCancel=${cancel}>
    <header><h2 id=${id}>${title}</h2>
      <button type="button" class="button ghost" onClick=${onClose} aria-label="Close"><${Icon} name="cross" /></button></header>
    ${children}
  </dialog>`;
}

/** What is wrong: with which field, if that is known, else in all. */
const Faults = ({ error }) => (error.errors?.length > 0
  ? html`<ul>${error.errors.map((e) => html`<li><code>${e.pointer.replace(/^\//, '') || 'body'}</code> ${e.detail}</li>`)}</ul>`
  : html`<p>${error.message}</p>`);

/**
 * A dialog with a form whose submission is a request: it stays open with what is
 * wrong when that fails, and closes when it is done.
 * @param {{title: string, submit: string, danger?: boolean, action: () => Promise<unknown>, onClose: () => void, ready?: boolean, children?: unknown}} props
 */
export function FormDialog({ title, submit, danger = false, action, onClose, ready = true, children }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const send = async (e) => {
    e.preventDefault();
    if (busy || !ready) return;
    setBusy(true);
    setError(null);
    try {
      await action();
      onClose();
    } catch (err) {
      setError(err);
      setBusy(false);
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${send} novalidate>
      <div class="dialog-body">${children}
        ${error && html`<div class="banner tone-bad" role="alert"><${Icon} name="warning" /><${Faults} error=${error} /></div>`}
      </div>
      <footer><button type="button" class="button" onClick=${onClose}>Back</button>
        <button type="submit" class="button ${danger ? 'danger' : 'primary'}" disabled=${busy || !ready}>${busy && html`<${Icon} name="spinner" class="turning" />`}${submit}</button></footer>
    </form>
  <//>`;
}
