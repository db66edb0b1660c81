// Bars on the time axis.
import { duration, rough } from '../format.js';
import { html, useState } from '../html.js';
import { Icon } from '../ui/icon.js';
import { piecesOf } from './bars.js';
import { focusOf, marks, moveBy, part, zoomBy } from './scale.js';

/** Where a time is between the ends of the lane: 0 to 1 if it is drawn. */
const place = (scale, at) => (at - scale.from) / (scale.to - scale.from);
const within = (share) => Math.max(0, Math.min(1, share));
const percent = (share) => `${within(share) * 100}%`;

/** What is not yet. */
const Later = ({ scale }) => scale.live && scale.now < scale.to && html`<span class="later" aria-hidden="true" style=${{ left: percent(place(scale, scale.now)) }}></span>`;

/**
 * The time since the execution was made, in round marks. Dragging over it zooms.
 * @param {{scale: import('./scale.js').Scale, width: number, zoom: (part: string | null) => void}} props width is the lane's, in pixels
 */
export function Axis({ scale, width, zoom }) {
  const [drag, setDrag] = useState(null); // where it began and where it is, from 0 to 1
  const at = (e) => {
    const box = e.currentTarget.getBoundingClientRect();
    return within((e.clientX - box.left) / box.width);
  };
  const begin = (e) => {
    if (e.button !== 0) return;
    e.currentTarget.setPointerCapture(e.pointerId);
    setDrag([at(e), at(e)]);
  };
  const end = (e) => {
    if (!drag) return;
    const [from, to] = [drag[0], at(e)].sort((a, b) => a - b).map((share) => scale.from + share * (scale.to - scale.from));
    if (Math.abs(at(e) - drag[0]) * width > 4) zoom(part(scale, from, to));
    setDrag(null);
  };
  const now = scale.live ? place(scale, scale.now) : 1;
  const shown = fitting(scale, width, now);
  return html`<span class="axis" role="columnheader" aria-label="Time since the execution was created" title="Drag to zoom"
      onPointerDown=${begin} onPointerMove=${(e) => drag && setDrag([drag[0], at(e)])} onPointerUp=${end} onPointerCancel=${() => setDrag(null)}>
    <${Later} scale=${scale} />
    ${shown.map((mark) => html`<span class="mark ${mark.at === scale.from ? 'first' : ''}" style=${{ left: percent(place(scale, mark.at)) }}>${mark.text}</span>`)}
    ${drag && html`<span class="drag" style=${{ left: percent(Math.min(...drag)), width: percent(Math.abs(drag[1] - drag[0])) }}></span>`}</span>`;
}

/** The marks that fit; where round times do not, one that is less round. */
function fitting(scale, width, now) {
  const fits = (mark) => { // the ends of their texts have to be within, and not on the line of now
    const from = place(scale, mark.at);
    const to = from + (mark.text.length * 7 + 5) / width;
    return to <= 1 && (from >= now || to <= now);
  };
  const usual = Math.max(2, width / 105);
  const found = marks(scale, usual).filter(fits);
  for (let wanted = usual * 2; found.length === 0 && wanted < usual * 100; wanted *= 2) found.push(...marks(scale, wanted).filter(fits).slice(0, 1));
  return found;
}

const factor = 4; // of a step of zooming

/** What a key does to the axis; undefined if nothing. */
export const axisKeys = (scale, task) => ({
  '+': () => zoomBy(scale, 1 / factor, focusOf(scale, task)),
  '=': () => zoomBy(scale, 1 / factor, focusOf(scale, task)),
  '-': () => zoomBy(scale, factor, (scale.from + scale.to) / 2),
  0: () => null,
  ShiftArrowLeft: () => moveBy(scale, -0.5),
  ShiftArrowRight: () => moveBy(scale, 0.5),
});

/** @param {{scale: import('./scale.js').Scale, task?: object, zoom: (part: string | null) => void}} props task is what to zoom in on */
export function Zoom({ scale, task, zoom }) {
  const keys = axisKeys(scale, task);
  const press = (e, key) => {
    const next = keys[key]();
    if (next === null) e.currentTarget.parentElement.lastElementChild.focus(); // others go
    zoom(next);
  };
  const button = (key, icon, title, shown, off = false) => html`<button type="button" aria-label=${title} title="${title} (${shown})" aria-disabled=${String(off)} onClick=${(e) => !off && press(e, key)}><${Icon} name=${icon} /></button>`;
  return html`<span class="zoom" role="group" aria-label="Time axis">
    ${scale.zoomed && html`${button('0', 'whole', 'Show all of it', '0')}${button('ShiftArrowLeft', 'back', 'Earlier', 'Shift ←', scale.from <= scale.whole[0])}${button('ShiftArrowRight', 'chevron', 'Later', 'Shift →', scale.to >= scale.whole[1])}`}
    ${button('-', 'minus', 'Zoom out', '−', !scale.zoomed)}${button('+', 'plus', 'Zoom in', '+')}</span>`;
}

/** @param {{row: import('./step-tree.js').Row, role: string, attempts?: object[], scale: import('./scale.js').Scale, width: number}} props */
export function Bar({ row, role, attempts, scale, width }) {
  const pieces = piecesOf(row.task, role, attempts, scale);
  const from = place(scale, pieces[0].from);
  const to = place(scale, pieces.at(-1).to);
  return html`<div class="lane" role="gridcell">
    <${Later} scale=${scale} />
    <span class="hidden">${pieces.map((p) => p.text).join('; ')}</span>
    ${pieces.map((p) => html`<${Piece} piece=${p} scale=${scale} />`)}
    ${to < 0 || from > 1
      ? html`<span class="elsewhere" aria-hidden="true" style=${to < 0 ? { left: 0 } : { right: 0 }}><${Icon} name=${to < 0 ? 'back' : 'chevron'} /></span>`
      : html`<${Label} text=${labelOf(row.task, role, pieces, scale, width)} due=${pieces.at(-1).kind === 'due'} from=${within(from)} to=${within(to)} now=${within(place(scale, scale.now))} width=${width} />`}
  </div>`;
}

function Piece({ piece: p, scale }) {
  const [from, to] = [place(scale, p.from), place(scale, p.to)];
  if (to < 0 || from > 1) return null;
  return html`<span class="piece ${p.kind} state-${p.state} ${to > 1 ? 'goes-on' : ''}" aria-hidden="true" title=${p.text}
    style=${{ left: percent(from), width: percent(within(to) - within(from)) }}></span>`;
}

/** A bar's text stands behind it, or before it, where there is room; what is due is said in any case. */
function Label({ text, due, from, to, now, width }) {
  if (!text) return null;
  const needed = (text.length * 6.8 + 14) / width;
  const side = to + needed <= 1 ? { left: percent(to) } : from >= needed ? { right: percent(1 - from) } : due && { right: percent(1 - Math.max(now, needed)) };
  return side && html`<span class="bar-text num ${to + needed > 1 && from < needed ? 'over' : ''}" aria-hidden="true" style=${side}>${text}</span>`;
}

function labelOf(task, role, pieces, scale, width) {
  const { kind, to } = pieces.at(-1);
  if (kind === 'due') return `${dueWord(task)} in ${width < 300 ? rough(to - scale.now) : duration(to - scale.now)}`;
  const whole = pieces.at(-1).to - pieces[0].from;
  if (role === 'moment') return task.cache_hit ? 'cached' : '';
  if (task.state === 'cancelled') return 'cancelled';
  if (task.state === 'failed') return `failed, ${duration(whole)}`;
  return duration(whole);
}

function dueWord(task) {
  if (task.kind === 'signal') return 'given up';
  if (task.kind === 'timer') return task.step_key === 'deadline' ? 'times out' : 'wakes up';
  return task.retries > 0 ? 'retried' : 'due';
}
