// The head of an execution's page, and its values.
import { at, get } from '../api.js';
import { html } from '../html.js';
import { useResource } from '../resource.js';
import { to } from '../router.js';
import { count } from '../format.js';
import { State, Tag } from '../ui/chip.js';
import { Failure, Json } from '../ui/json.js';
import { Empty, Failed, Loading } from '../ui/notice.js';
import { Ago, Lasted } from '../ui/time.js';

const Item = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

/** @param {{execution: object, steps: number, states: Record<string, number>}} props */
export const Summary = ({ execution: e, steps, states }) => html`<dl class="summary card">
  <${Item} name="Duration"><strong class="big"><${Lasted} from=${e.started_at} to=${e.completed_at} /></strong><//>
  <${Item} name="Created"><${Ago} at=${e.created_at} /><//>
  <${Item} name="Started"><${Ago} at=${e.started_at} none="not yet" /><//>
  ${e.completed_at && html`<${Item} name="Ended"><${Ago} at=${e.completed_at} /><//>`}
  ${e.deadline_at && html`<${Item} name="Times out"><${Ago} at=${e.deadline_at} /><//>`}
  <${Item} name="Steps"><span class="num">${count(states.completed ?? 0)} of ${count(steps)} done${states.failed ? `, ${count(states.failed)} failed` : ''}</span><//>
  <${Item} name="Retries"><span class="num">${count(e.retries)}</span><//>
  <${Item} name="Queue"><a href=${to(['executions'], { queue: e.queue })}>${e.queue}</a>${e.priority !== 0 && html` <${Tag}>priority ${e.priority}<//>`}<//>
  ${e.tags.length > 0 && html`<${Item} name="Tags"><span class="tags">${e.tags.map((tag) => html`<a href=${to(['executions'], { tag })}><${Tag}>${tag}<//></a>`)}</span><//>`}
</dl>`;

/** Input and outcome, counters and custom state. */
export const Values = ({ execution: e }) => html`<div class="values">
  <section class="card"><h2>Input</h2><${Json} value=${e.input} label="input" /></section>
  <section class="card"><h2>${e.error ? 'Error' : 'Result'}</h2>${e.error ? html`<${Failure} error=${e.error} />` : e.completed_at ? html`<${Json} value=${e.result} label="result" />` : html`<p class="muted">There is none yet.</p>`}</section>
  <section class="card"><h2>Custom state</h2>${isEmpty(e.custom_state) ? html`<p class="muted">None was set.</p>` : html`<${Json} value=${e.custom_state} label="custom state" />`}</section>
  <section class="card"><h2>Counters</h2>${isEmpty(e.counters) ? html`<p class="muted">None was counted.</p>` : html`<dl class="counters">${Object.entries(e.counters).map(([name, value]) => html`<div><dt>${name}</dt><dd class="num">${String(value?.rawJSON ?? value)}</dd></div>`)}</dl>`}</section>
</div>`;

const isEmpty = (object) => !object || Object.keys(object).length === 0;

/** The signals that came. */
export function Signals({ id, version }) {
  const read = useResource((signal) => get(at('executions', id, 'signals'), { limit: 500 }, signal), [id, version]);
  if (read.loading && !read.data) return html`<${Loading} />`;
  if (!read.data) return html`<${Failed} error=${read.error} retry=${read.reload} />`;
  if (read.data.items.length === 0) return html`<${Empty} icon="signal" title="No signal has come"><p>Whoever knows the execution may send one, here or by REST.</p><//>`;
  return html`<div class="card table-card"><table class="list"><caption class="hidden">Signals, newest first</caption>
    <thead><tr><th scope="col">Name</th><th scope="col">Delivery</th><th scope="col">Received</th><th scope="col">Payload</th></tr></thead>
    <tbody>${read.data.items.map((s) => html`<tr key=${s.id}><th scope="row">${s.name}</th><td><${State} state=${s.delivery} /></td><td class="nowrap"><${Ago} at=${s.received_at} /></td><td><${Json} value=${s.payload} label=${`payload of ${s.name}`} /></td></tr>`)}</tbody></table></div>`;
}
