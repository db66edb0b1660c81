// Times and durations that go on by themselves.
import { useNow } from '../clock.js';
import { absolute, clock, duration, ms, relative } from '../format.js';
import { html } from '../html.js';

/** How long ago, with the exact time as its title. @param {{at: string | null, none?: string}} props */
export function Ago({ at, none = '–' }) {
  const now = useNow(Boolean(at));
  if (!at) return html`<span class="muted">${none}</span>`;
  return html`<time class="num" datetime=${at} title=${absolute(at)}>${relative(ms(at), now)}</time>`;
}

/** From one time to another, or until now. @param {{from: string | null, to: string | null}} props */
export function Lasted({ from, to }) {
  const now = useNow(Boolean(from) && !to);
  if (!from) return html`<span class="muted">–</span>`;
  return html`<span class="num">${duration((to ? ms(to) : Math.max(now, ms(from))) - ms(from))}</span>`;
}

/** The time of day, to the millisecond. */
export const Exactly = ({ at }) => (at
  ? html`<time class="num" datetime=${at} title=${absolute(at)}>${clock(at)}</time>`
  : html`<span class="muted">–</span>`);
