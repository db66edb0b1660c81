// Ids, shortened, with a button that copies the whole.
import { html, useState } from '../html.js';
import { Icon } from './icon.js';
import { announce } from './toast.js';

/** The random end of a UUIDv7 tells ids apart; the beginning is the time. */
export const short = (id) => `…${id.slice(-8)}`;

/** @param {{text: string, what: string}} props what is copied, in words */
export function Copy({ text, what }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      announce(`Copied ${what}`);
      setTimeout(() => setDone(false), 1500);
    } catch {
      announce('The browser does not allow copying here', true);
    }
  };
  return html`<button type="button" class="copy" onClick=${copy} aria-label=${`Copy ${what}`} title=${`Copy ${what}`}><${Icon} name=${done ? 'check' : 'copy'} /></button>`;
}

/** @param {{id: string, what: string, href?: string, whole?: boolean}} props */
export const Id = ({ id, what, href, whole = false }) => {
  const text = whole ? id : short(id);
  return html`<span class="id">${href
    ? html`<a href=${href} title=${id} aria-label=${`${what} ${text}`}>${text}</a>`
    : html`<code title=${id}>${text}</code>`}<${Copy} text=${id} what=${what} /></span>`;
};
