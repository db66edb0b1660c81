// How it stands, at a glance.
import { get } from '../api.js';
import { count, some } from '../format.js';
import { html } from '../html.js';
import { useChanges } from '../live.js';
import { useInterval, useResource } from '../resource.js';
import { to } from '../router.js';
import { lives, matters } from '../schedulers.js';
import { executionStates, State, stateName, toneOf } from '../ui/chip.js';
import { Icon } from '../ui/icon.js';
import { Command, Empty, Failed, Loading, Stale } from '../ui/notice.js';
import { Ago } from '../ui/time.js';

const read = async (signal) => {
  const [stats, workers, schedulers, trouble, latest] = await Promise.all([
    get('/v1/stats', {}, signal), get('/v1/workers', { limit: 500 }, signal), get('/v1/schedulers', { limit: 500 }, signal),
    get('/v1/executions', { state: ['failed', 'timed_out', 'blocked'], limit: 6 }, signal), get('/v1/executions', { limit: 6 }, signal),
  ]);
  return { stats, workers: workers.items, schedulers: schedulers.items, trouble: trouble.items, latest: latest.items };
};

export function Overview() {
  const all = useResource(read, []);
  useChanges(() => all.reload(), 2000);
  useInterval(all.reload, 10_000);
  return html`<div class="page"><header class="page-head"><h1>Overview</h1></header>
    ${all.loading ? html`<${Loading} />` : !all.data ? html`<${Failed} error=${all.error} retry=${all.reload} />` : html`<${Stale} error=${all.error} retry=${all.reload} /><${Board} ...${all.data} />`}
  </div>`;
}

function Board({ stats, workers, schedulers, trouble, latest }) {
  return html`
    <${Tiles} executions=${stats.executions} letters=${stats.dead_letters} />
    <${Share} executions=${stats.executions} />
    ${workers.length === 0 && stats.executions.total === 0 && html`<section class="card"><${Empty} icon="worker" title="No worker is registered yet">
      <p>Register one that serves its manifest, and its functions are here:</p>
      <${Command} text=${`curl ${location.origin}/v1/workers -H 'Content-Type: application/json' \\\n  -d '{"url": "http://127.0.0.1:9000"}'`} /><//></section>`}
    <div class="board">
      <section class="card"><header class="card-head"><h2>Latest executions</h2><a href="#/executions">All</a></header><${Few} items=${latest} none="Nothing has run yet." /></section>
      <section class="card"><header class="card-head"><h2>In trouble</h2><a href=${to(['executions'], { state: ['failed', 'timed_out', 'blocked'] })}>All</a></header><${Few} items=${trouble} none="Nothing has failed, timed out or is blocked." good /></section>
      <section class="card"><header class="card-head"><h2>Queues</h2><a href="#/queues">All</a></header><${QueueLines} queues=${stats.queues} /></section>
      <section class="card"><header class="card-head"><h2>Workers and schedulers</h2><a href="#/workers">All</a></header>
        <ul class="lines">${byHealth(workers, 'health').map(([health, n]) => html`<li><${State} state=${health} /><span>${some(n, 'worker')}</span></li>`)}
          ${!schedulers.some(lives) && html`<li><span class="chip tone-bad"><${Icon} name="warning" />none</span><span>No scheduler runs: nothing is delivered</span></li>`}
          ${byHealth(schedulers.filter(matters), 'state').map(([state, n]) => html`<li><${State} state=${state} /><span>${some(n, 'scheduler')}</span></li>`)}</ul></section>
    </div>`;
}

const byHealth = (items, field) => Object.entries(items.reduce((all, x) => ({ ...all, [x[field]]: (all[x[field]] ?? 0) + 1 }), {}));

/** The number of executions of each state; those that nobody is in are left out, but for the usual ones. */
function Tiles({ executions, letters }) {
  const usual = ['running', 'completed', 'failed'];
  const states = executionStates.filter((s) => usual.includes(s) || executions.by_state[s] > 0);
  return html`<ul class="tiles" aria-label="Executions by state">
    ${states.map((state) => html`<li><a class="card tile" href=${to(['executions'], { state })}><${State} state=${state} />
      <strong class="num">${executions.estimated.includes(state) ? '≈ ' : ''}${count(executions.by_state[state] ?? 0)}</strong></a></li>`)}
    <li><a class="card tile" href="#/dead-letters"><span class="chip tone-${letters > 0 ? 'bad' : 'idle'}"><${Icon} name="letter" />dead letters</span><strong class="num">${count(letters)}</strong></a></li>
  </ul>`;
}

/** The shares of the states, as a bar; the tiles say the same in numbers. */
function Share({ executions }) {
  if (executions.total === 0) return null;
  return html`<div class="share" aria-hidden="true">${executionStates.filter((s) => executions.by_state[s] > 0).map((s) => html`
    <span class="tone-${toneOf(s)}" title=${`${stateName(s)}: ${count(executions.by_state[s])}`} style=${{ flexGrow: executions.by_state[s] }}></span>`)}</div>`;
}

const Few = ({ items, none, good }) => (items.length === 0
  ? html`<p class="muted lines-none">${good && html`<${Icon} name="check" />`}${none}</p>`
  : html`<ul class="lines">${items.map((e) => html`<li key=${e.id}><${State} state=${e.state} /><a href=${to(['executions', e.id])}>${e.function}</a>
      <span class="row-error">${e.error?.message ?? ''}</span><span class="muted nowrap end"><${Ago} at=${e.created_at} /></span></li>`)}</ul>`);

/** Paused ones first, then those with most due. */
const urgency = (a, b) => b.paused - a.paused || b.depth - a.depth || a.name.localeCompare(b.name);

const QueueLines = ({ queues }) => (queues.length === 0
  ? html`<p class="muted">No function has been registered yet.</p>`
  : html`<ul class="lines">${[...queues].sort(urgency).slice(0, 6).map((q) => html`<li key=${q.name}><${State} state=${q.paused ? 'paused' : 'active'} /><span>${q.name}</span>
      <span class="end num">${count(q.depth)}${q.more ? '+' : ''} due</span></li>`)}</ul>`);
