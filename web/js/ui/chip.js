// States as chips: an icon and the word, so that colour is never the only signal.
import { html } from '../html.js';
import { Icon } from './icon.js';

/** Icon and tone of each state of executions, tasks, workers and schedulers. */
const states = {
  pending: ['clock', 'idle'],
  running: ['spinner', 'run'],
  waiting: ['hourglass', 'wait'],
  completed: ['check', 'good'],
  failed: ['cross', 'bad'],
  timed_out: ['clock', 'bad'],
  cancelling: ['ban', 'warn'],
  cancelled: ['ban', 'idle'],
  blocked: ['warning', 'warn'],
  paused: ['pause', 'warn'],
  healthy: ['check', 'good'],
  unreachable: ['warning', 'bad'],
  disabled: ['ban', 'idle'],
  starting: ['spinner', 'run'],
  ready: ['check', 'good'],
  draining: ['hourglass', 'warn'],
  stopped: ['circle', 'idle'],
  expired: ['warning', 'bad'],
  buffered: ['clock', 'idle'],
  delivered: ['check', 'good'],
  active: ['check', 'good'],
};

export const executionStates = ['pending', 'running', 'completed', 'failed', 'timed_out', 'cancelling', 'cancelled', 'blocked'];
export const terminal = new Set(['completed', 'failed', 'timed_out', 'cancelled']);
export const toneOf = (state) => states[state]?.[1] ?? 'idle';
export const stateName = (state) => state.replaceAll('_', ' ');

/** @param {{state: string}} props */
export function State({ state }) {
  const [icon, tone] = states[state] ?? ['dot', 'idle'];
  return html`<span class="chip tone-${tone}" data-state=${state}><${Icon} name=${icon} class=${state === 'running' ? 'turning' : ''} />${stateName(state)}</span>`;
}

export const Tag = ({ children, title }) => html`<span class="tag" title=${title}>${children}</span>`;
