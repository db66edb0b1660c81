// The stretch of time that is drawn: all of the execution, or the part that the
// reader looks at.
import { duration, ms } from '../format.js';
import { stretch } from './step-tree.js';

const least = 5; // milliseconds that are drawn at least
const future = 1 / 2; // of the time that has gone by: what is due within it is drawn to its end
const beyond = 0.08; // of the time that has gone by: the room for what is due later

/**
 * @typedef {object} Scale all in milliseconds
 * @property {number} from what is drawn
 * @property {number} to
 * @property {number} now where bars of open steps end; `whole[1]` once the execution has ended
 * @property {boolean} live whether it goes on
 * @property {number} origin when the execution was created
 * @property {[number, number]} whole what could be drawn
 * @property {boolean} zoomed whether that is more
 */

/**
 * @param {object} execution
 * @param {import('./step-tree.js').StepTree} tree
 * @param {number} time
 * @param {string | null} zoom the part that is looked at, as `part` gives it
 * @returns {Scale}
 */
export function scaleOf(execution, tree, time, zoom) {
  const live = !execution.completed_at;
  const [origin, end] = stretch(execution, tree.latest, time);
  const whole = [origin, live ? Math.max(end, horizon(tree, origin, time)) : end];
  const scale = { from: origin, to: whole[1], now: live ? time : end, live, origin, whole, zoomed: false };
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(zoom ?? '');
  if (!match) return scale;
  const [from, to] = [origin + Number(match[1]), origin + Number(match[2])];
  return to - from < least ? scale : { ...scale, from, to, zoomed: true };
}

/** How far into the future the axis goes: as far as something is due, unless that squashed what has been. */
function horizon(tree, origin, now) {
  const gone = Math.max(now - origin, 1000);
  let last = now;
  for (const task of tree.tasks.values()) {
    const due = dueOf(task, now);
    if (due !== null) last = Math.max(last, due <= now + gone * future ? due : now + gone * beyond);
  }
  return last;
}

/** When an open task is due, if that lies ahead: a sleep, a retry, the end of a wait. */
export function dueOf(task, now) {
  if (task.completed_at || task.state === 'running' || !task.scheduled_for) return null;
  const due = ms(task.scheduled_for);
  return due > now ? due : null;
}

/** A part of the axis, kept within the whole, as text; null if it is the whole. */
export function part({ origin, whole }, from, to) {
  const length = Math.max(to - from, least);
  if (length >= whole[1] - whole[0]) return null;
  const start = Math.max(whole[0], Math.min(from, whole[1] - length)) - origin;
  return [start, start + length].map((at) => at.toFixed(length < 1000 ? 3 : 0)).join('-');
}

/** So many times the stretch, around a time. */
export function zoomBy(scale, factor, around) {
  const half = ((scale.to - scale.from) * factor) / 2;
  return part(scale, around - half, around + half);
}

/** The same stretch, that much of it earlier or later. */
export function moveBy(scale, share) {
  const step = (scale.to - scale.from) * share;
  return part(scale, scale.from + step, scale.to + step);
}

/** A task with a little room at its sides. */
export function fit(scale, task) {
  const from = ms(task.created_at);
  const to = task.completed_at ? ms(task.completed_at) : scale.now;
  const room = Math.max((to - from) * 0.1, least / 2);
  return part(scale, from - room, to + room);
}

/** What to zoom in on for a task: its middle, unless it reaches over all that is drawn. */
export function focusOf(scale, task) {
  const from = task ? ms(task.created_at) : scale.from;
  const to = task?.completed_at ? ms(task.completed_at) : scale.now;
  const middle = task && (from > scale.from || to < scale.to) ? (from + to) / 2 : (scale.from + scale.to) / 2;
  return middle;
}

const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 14400e3, 21600e3, 43200e3, 86400e3];

/** Marks of the axis: about `wanted` round times since the origin. @returns {{at: number, text: string}[]} */
export function marks({ from, to, origin }, wanted) {
  const rough = (to - from) / wanted;
  const step = steps.find((s) => s >= rough) ?? Math.ceil(rough / 86400e3) * 86400e3;
  const all = [];
  for (let n = Math.ceil((from - origin) / step); n * step <= to - origin; n++) all.push({ at: origin + n * step, text: n === 0 ? '0' : `+${markText(n * step, step)}` });
  return all;
}

/** A time since the origin, as exactly as the marks are apart: "1.5 s", "2 h 30 m", "1 d 2:03:04.25". */
function markText(at, step) {
  if (at < 60e3) return at < 1000 ? duration(at) : `${at / 1000} s`;
  const [d, h, m] = [Math.floor(at / 86400e3), Math.floor(at / 3600e3) % 24, Math.floor(at / 60e3) % 60];
  if (step >= 60e3) return [[d, 'd'], [h, 'h'], [m, 'm']].filter(([n]) => n > 0).map(([n, unit]) => `${n} ${unit}`).join(' ');
  const seconds = ((at % 60e3) / 1000).toFixed(step < 1000 ? Math.ceil(Math.log10(1000 / step)) : 0);
  const two = (n) => String(n).padStart(2, '0');
  return `${d > 0 ? `${d} d ` : ''}${at >= 3600e3 ? `${h}:${two(m)}` : m}:${seconds.padStart(seconds.includes('.') ? seconds.length - seconds.indexOf('.') + 2 : 2, '0')}`;
}
