// What a task's time went into, as pieces of a bar.
import { duration, ms } from '../format.js';
import { dueOf } from './scale.js';

/**
 * @typedef {object} Piece
 * @property {'queued' | 'backoff' | 'attempt' | 'run' | 'wait' | 'span' | 'moment' | 'due'} kind
 * @property {number} from milliseconds
 * @property {number} to
 * @property {string} state of the task, for its colour
 * @property {string} text
 */

/**
 * @param {object} task
 * @param {'run' | 'wait' | 'span' | 'moment'} role
 * @param {object[] | undefined} attempts that failed, if they are known
 * @param {import('./scale.js').Scale} scale
 * @returns {Piece[]} one at least
 */
export function piecesOf(task, role, attempts, { now, live }) {
  const pieces = past(task, role, attempts, now);
  const due = live ? dueOf(task, now) : null;
  if (due !== null) pieces.push(piece('due', task, Math.max(now, pieces.at(-1).to), due, 'due in'));
  return pieces;
}

/** What has been. */
function past(task, role, attempts, now) {
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
