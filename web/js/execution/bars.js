// What a task's time went into, as pieces of a bar.
import { duration, ms } from '../format.js';

/**
 * @typedef {object} Piece
 * @property {'queued' | 'backoff' | 'attempt' | 'run' | 'wait' | 'span' | 'moment'} kind
 * @property {number} from milliseconds
 * @property {number} to
 * @property {string} state of the task, for its colour
 * @property {string} text
 */

/**
 * @param {object} task
 * @param {'run' | 'wait' | 'span' | 'moment'} role
 * @param {object[] | undefined} attempts that failed, if they are known
 * @param {number} now
 * @returns {Piece[]}
 */
export function piecesOf(task, role, attempts, now) {
  const created = ms(task.created_at);
  const end = task.completed_at ? ms(task.completed_at) : Math.max(now, created);
  if (role === 'moment') return [piece('moment', task, created, end, 'done at once')];
  if (role === 'wait') return [piece('wait', task, created, end, task.completed_at ? 'waited' : 'waits since')];
  if (role === 'span') return [piece('span', task, created, end, 'from its first step to its last')];
  const pieces = [];
  let at = created;
  const idle = (until) => {
    if (until > at) pieces.push(piece(pieces.length ? 'backoff' : 'queued', task, at, until, pieces.length ? 'before the next attempt' : 'in the queue'));
    at = Math.max(at, until);
  };
  for (const attempt of attempts ?? []) {
    idle(ms(attempt.started_at));
    const ended = Math.max(ms(attempt.ended_at), at);
    pieces.push(piece('attempt', task, at, ended, `attempt ${attempt.number} failed`));
    at = ended;
  }
  const started = ms(task.started_at);
  if (task.state === 'waiting') {
    idle(end);
    return pieces;
  }
  const recorded = attempts?.length > 0 && task.state === 'failed';
  if (started !== null && started >= at - 0.5 && !recorded) {
    idle(started);
    if (task.state !== 'pending') pieces.push(piece('run', task, at, Math.max(end, at), `attempt ${Math.max(task.attempt, 1)}`));
    at = Math.max(end, at);
  }
  if (!task.completed_at || (task.state === 'cancelled' && pieces.length === 0)) idle(end);
  if (pieces.length === 0) pieces.push(piece('run', task, created, end, 'ran'));
  return pieces;
}

const piece = (kind, task, from, to, words) => ({ kind, from, to, state: task.state, text: `${words}: ${duration(to - from)}` });

/** Marks of a time axis: about `wanted` round times between 0 and the length. */
export function marks(length, wanted) {
  const rough = length / wanted;
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 10e3, 15e3, 30e3, 60e3, 120e3, 300e3, 600e3, 900e3, 1800e3, 3600e3, 7200e3, 14400e3, 21600e3, 43200e3, 86400e3];
  const step = steps.find((s) => s >= rough) ?? Math.ceil(rough / 86400e3) * 86400e3;
  const all = [];
  for (let at = 0; at <= length; at += step) all.push(at);
  return all;
}
