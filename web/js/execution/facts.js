// What the tree tells of a step, in words: all that the timeline draws.
import { html } from '../html.js';
import { brief } from '../json.js';
import { State, Tag } from '../ui/chip.js';
import { Ago, Lasted } from '../ui/time.js';

const quiet = new Set(['timer', 'local']); // kinds of which no result is nothing to tell

export const factHeads = () => html`<span role="columnheader">State</span><span role="columnheader" class="mid-only">Attempts</span>
  <span role="columnheader" class="mid-only">Begun</span><span role="columnheader">Duration</span><span role="columnheader" class="wide-only">What came of it</span>`;

/** @param {{task: object}} props */
export const Facts = ({ task }) => html`
  <span role="gridcell"><${State} state=${task.state} /></span>
  <span role="gridcell" class="mid-only num">${task.kind === 'activity' ? task.attempt : '–'}</span>
  <span role="gridcell" class="mid-only muted"><${Ago} at=${task.started_at ?? task.created_at} /></span>
  <span role="gridcell"><${Lasted} from=${task.created_at} to=${task.completed_at} /></span>
  <span role="gridcell" class="wide-only outcome">${outcome(task)}</span>`;

function outcome(task) {
  if (task.error) return html`<span class="tone-bad-text">${task.error.type}: ${task.error.message}</span>`;
  if (task.cache_hit) return html`<${Tag}>from the cache<//> <code>${brief(task.result, 80)}</code>`;
  if (task.state === 'completed' && task.result === null && quiet.has(task.kind)) return '';
  if (task.state === 'completed') return html`<code>${brief(task.result, 100)}</code>`;
  if (task.kind === 'timer') return html`until <${Ago} at=${task.scheduled_for} />`;
  if (task.kind === 'signal' && task.state !== 'cancelled') return html`for the signal ${task.name}`;
  if (task.state === 'pending' && task.scheduled_for) return html`due <${Ago} at=${task.scheduled_for} />`;
  if (task.details !== null && task.details !== undefined) return html`<code>${brief(task.details, 100)}</code>`;
  return '';
}
