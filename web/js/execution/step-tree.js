// The tasks of an execution as a tree, kept up to date one by one.
import { ms } from '../format.js';

/** Kinds that wait for something, and do not run. */
const waits = new Set(['timer', 'signal']);
/** Parents of more tasks than this are closed at first. */
const manyChildren = 100;

/**
 * @typedef {object} Row
 * @property {string} id
 * @property {object} task
 * @property {number} depth
 * @property {number} children how many
 * @property {boolean} open whether they are shown
 * @property {number} position among those of the same parent, from 1
 * @property {number} siblings in all
 * @property {boolean} past whether it is history, as isPast tells
 */

/** Whether a task is of the execution as a whole, and no step: its own orchestrator, or the timer of its deadline. */
const isWhole = (task) => !task.parent_task_id && (task.kind === 'orchestrator' || task.kind === 'timer');

export class StepTree {
  constructor() {
    this.tasks = new Map();
    this.children = new Map(); // parent's id ('' is none) → ids, in the order in which they came
    this.chosen = new Map(); // id → open, where the reader said so
    this.latest = 0; // when something last began or ended, in milliseconds
  }

  /** Takes the newest state of a task. */
  apply(task) {
    if (!this.tasks.has(task.id)) {
      const parent = task.parent_task_id ?? '';
      const siblings = this.children.get(parent);
      if (siblings) siblings.push(task.id);
      else this.children.set(parent, [task.id]);
    }
    this.tasks.set(task.id, task);
    this.latest = Math.max(this.latest, ms(task.completed_at ?? task.started_at) ?? 0);
  }

  isOpen(id) {
    return this.chosen.get(id) ?? (this.children.get(id)?.length ?? 0) <= manyChildren;
  }

  setOpen(id, open) {
    this.chosen.set(id, open);
  }

  setAllOpen(open) {
    for (const id of this.children.keys()) if (id !== '') this.chosen.set(id, open);
  }

  /**
   * The rows that are shown, from top to bottom.
   * @param {boolean} withPast whether what is history is among them
   * @returns {Row[]}
   */
  rows(withPast) {
    const rows = [];
    const visit = (ids, depth, past) => ids.forEach((id, i) => {
      const task = this.tasks.get(id);
      const isPast = past || this.isLeftBehind(task);
      const children = (this.children.get(id) ?? []).filter((child) => withPast || !this.isLeftBehind(this.tasks.get(child)));
      const open = children.length > 0 && this.isOpen(id);
      rows.push({ id, task, depth, children: children.length, open, position: i + 1, siblings: ids.length, past: isPast });
      if (open) visit(children, depth + 1, isPast);
    });
    visit(this.children.get('') ?? [], 0, false);
    return rows;
  }

  /** Whether an earlier run of its parent made a task: the parent was restarted since, or has continued as new. */
  isLeftBehind(task) {
    const parent = this.tasks.get(task.parent_task_id);
    return parent !== undefined && parent.run !== task.parent_run;
  }

  /** Whether a task is history: it was left behind, or one above it was. */
  isPast(task) {
    for (let at = task; at; at = this.tasks.get(at.parent_task_id)) if (this.isLeftBehind(at)) return true;
    return false;
  }

  /** How many steps there are, how many of them in each state, and how many are history, which are not among them. */
  counts() {
    const states = {};
    let steps = 0;
    let past = 0;
    for (const task of this.tasks.values()) {
      if (this.isPast(task)) past++;
      else if (!isWhole(task)) {
        steps++;
        states[task.state] = (states[task.state] ?? 0) + 1;
      }
    }
    return { steps, states, past };
  }

  /** Whether a task is a wait, or one that others are made by. */
  role(task) {
    if (waits.has(task.kind)) return 'wait';
    if (task.kind === 'orchestrator' || task.kind === 'map') return 'span';
    return task.kind === 'local' || task.cache_hit ? 'moment' : 'run';
  }
}

/**
 * The stretch of time that the bars are drawn on, in milliseconds.
 * @param {object} execution
 * @param {number} latest when something of it last began or ended
 * @param {number} now
 * @returns {[number, number]}
 */
export function stretch(execution, latest, now) {
  const from = ms(execution.created_at);
  const to = execution.completed_at ? ms(execution.completed_at) : now;
  return [from, Math.max(to, latest, from + 1)];
}
