// Bars on the time axis.
import { html } from '../html.js';
import { duration } from '../format.js';
import { marks, piecesOf } from './bars.js';

const percent = (part, whole) => `${Math.max(0, Math.min(100, (part / whole) * 100))}%`;

/** The time since the execution was made, in round marks. */
export const Axis = ({ length }) => html`<span class="axis" role="columnheader" aria-label="Time since the execution was created">
  ${marks(length, innerWidth < 700 ? 3 : 7).filter((at) => at / length < 0.93).map((at) => html`<span class="mark" style=${{ left: percent(at, length) }}>${at === 0 ? '0' : `+${markText(at)}`}</span>`)}</span>`;

const markText = (at) => duration(at).replace(/\.0 s$/, ' s');

/** @param {{row: import('./step-tree.js').Row, role: string, attempts?: object[], from: number, to: number, now: number}} props */
export function Bar({ row, role, attempts, from, to, now }) {
  const pieces = piecesOf(row.task, role, attempts, now);
  const length = to - from;
  const whole = pieces.at(-1).to - pieces[0].from;
  const end = (pieces.at(-1).to - from) / length;
  const begin = (pieces[0].from - from) / length;
  const label = end > 0.82 && begin < 0.15 ? '' : labelOf(row.task, role, whole); // there has to be room for it
  return html`<div class="lane" role="gridcell">
    <span class="hidden">${pieces.map((p) => p.text).join('; ')}</span>
    ${pieces.map((p) => html`<span class="piece ${p.kind} state-${p.state}" aria-hidden="true" title=${p.text}
      style=${{ left: percent(p.from - from, length), width: percent(p.to - p.from, length) }}></span>`)}
    ${label && html`<span class="bar-text num ${end > 0.82 ? 'before' : ''}" aria-hidden="true" style=${end > 0.82 ? { right: percent(to - pieces[0].from, length) } : { left: percent(pieces.at(-1).to - from, length) }}>${label}</span>`}
  </div>`;
}

function labelOf(task, role, whole) {
  if (role === 'moment') return task.cache_hit ? 'cached' : '';
  if (task.state === 'cancelled') return 'cancelled';
  if (task.state === 'failed') return `failed, ${duration(whole)}`;
  return duration(whole);
}
