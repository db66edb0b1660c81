// Everything about one step.
import { at, get } from '../api.js';
import { absolute, duration, ms, some } from '../format.js';
import { html, useEffect, useRef } from '../html.js';
import { useResource } from '../resource.js';
import { to } from '../router.js';
import { State, Tag } from '../ui/chip.js';
import { Id } from '../ui/copy.js';
import { Icon } from '../ui/icon.js';
import { Failure, Json } from '../ui/json.js';
import { Failed, Loading } from '../ui/notice.js';
import { Exactly, Lasted } from '../ui/time.js';

/** @param {{task: object, past: boolean, close: () => void, zoom?: () => void, restart?: (step: string) => void}} props */
export function Details({ task, past, close, zoom, restart }) {
  const read = useResource((signal) => get(at('tasks', task.id), {}, signal), [task.id]);
  const seen = `${task.state} ${task.attempt} ${task.retries} ${task.completed_at}`;
  const last = useRef(seen);
  useEffect(() => {
    if (last.current !== seen) {
      last.current = seen;
      read.reload();
    }
  }, [seen]);
  const full = { ...read.data, ...task, input: read.data?.input ?? task.input, result: read.data?.result ?? task.result };
  return html`<aside class="details" aria-label="Details of the step" onKeyDown=${(e) => { if (e.key === 'Escape') close(); }}>
    <header><div><h2>${task.step_key}</h2><p class="muted">${task.kind}${task.function && task.function !== task.name ? ` · ${task.function}` : ''}${task.name && (task.kind !== 'activity' || task.name !== task.function) ? ` · ${task.name}` : ''}</p></div>
      <button type="button" class="button ghost" onClick=${close} aria-label="Close the details"><${Icon} name="cross" /></button></header>
    <div class="details-body">
      <p class="details-state"><${State} state=${task.state} />${task.cache_hit && html`<${Tag}>from the cache<//>`}${past && html`<${Tag}>of an earlier run<//>`}${task.retries > 0 && html`<${Tag}>${some(task.retries, 'retry', 'retries')}<//>`}</p>
      ${full.error && html`<section><h3>Error</h3><${Failure} error=${full.error} /></section>`}
      <${Times} task=${full} />
      ${read.data?.attempts?.length > 0 && html`<${Attempts} attempts=${read.data.attempts} />`}
      ${read.error && html`<${Failed} error=${read.error} retry=${read.reload} />`}
      ${read.loading ? html`<${Loading} />` : html`
        <section><h3>Input</h3><${Json} value=${full.input} label="input" /></section>
        ${task.state === 'completed' && html`<section><h3>Result</h3><${Json} value=${full.result} label="result" /></section>`}
        ${full.details !== null && full.details !== undefined && html`<section><h3>Progress that it reported</h3><${Json} value=${full.details} label="details" /></section>`}`}
      <p class="actions">${zoom && html`<button type="button" class="button" onClick=${zoom}><${Icon} name="whole" />Zoom to it</button>`}
        ${restart && task.step_key !== 'root' && html`<button type="button" class="button" onClick=${() => restart(task.step_key)}><${Icon} name="retry" />Restart from this step…</button>`}</p>
    </div>
  </aside>`;
}

const Line = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function Times({ task }) {
  const queued = task.started_at && task.kind === 'activity' && task.retries === 0 ? ms(task.started_at) - ms(task.created_at) : null;
  return html`<section><h3>Facts</h3><dl class="facts">
    <${Line} name="Created"><${Exactly} at=${task.created_at} /><//>
    ${task.scheduled_for && !task.completed_at && html`<${Line} name="Due"><${Exactly} at=${task.scheduled_for} /><//>`}
    ${task.started_at && html`<${Line} name=${task.attempt > 1 && task.kind === 'activity' ? `Attempt ${task.attempt} began` : 'Begun'}><${Exactly} at=${task.started_at} /><//>`}
    ${task.completed_at && html`<${Line} name="Ended"><${Exactly} at=${task.completed_at} /><//>`}
    <${Line} name="In all"><${Lasted} from=${task.created_at} to=${task.completed_at} /><//>
    ${queued !== null && html`<${Line} name="Waited in the queue">${duration(queued)}<//>`}
    ${task.queue && html`<${Line} name="Queue">${task.queue}${task.priority ? `, priority ${task.priority}` : ''}<//>`}
    ${task.lease_expires_at && html`<${Line} name="Lease expires"><${Exactly} at=${task.lease_expires_at} /><//>`}
    ${task.worker_id && html`<${Line} name="Worker"><${Id} id=${task.worker_id} what="worker id" href=${to(['workers'])} /><//>`}
    <${Line} name="Task"><${Id} id=${task.id} what="task id" /><//>
  </dl></section>`;
}

const Attempts = ({ attempts }) => html`<section><h3>Failed attempts</h3><ol class="attempts">${attempts.map((a) => html`<li>
  <p class="attempt-head"><strong>Attempt ${a.number}</strong>${a.status_code && html`<${Tag}>HTTP ${a.status_code}<//>`}<span class="muted num" title=${absolute(a.started_at)}>${duration(ms(a.ended_at) - ms(a.started_at))}</span></p>
  ${a.error && html`<p class="attempt-error"><code>${a.error.type}</code> ${a.error.message}</p>`}</li>`)}</ol></section>`;
