// The workers, which host functions, and the schedulers, which deliver to them.
import { at, get, post, told } from '../api.js';
import { html, useState } from '../html.js';
import { useInterval, useResource } from '../resource.js';
import { lives, matters } from '../schedulers.js';
import { State } from '../ui/chip.js';
import { Id } from '../ui/copy.js';
import { FormDialog } from '../ui/dialog.js';
import { TextField } from '../ui/field.js';
import { Icon } from '../ui/icon.js';
import { Command, Empty, Failed, Loading, Stale } from '../ui/notice.js';
import { Ago } from '../ui/time.js';
import { announce } from '../ui/toast.js';

const read = async (signal) => {
  const [workers, schedulers] = await Promise.all([get('/v1/workers', { limit: 500 }, signal), get('/v1/schedulers', { limit: 500 }, signal)]);
  return { workers: workers.items, schedulers: schedulers.items };
};

export function Workers() {
  const all = useResource(read, []);
  const [registering, setRegistering] = useState(false);
  useInterval(all.reload, 5000);
  const refresh = async (worker) => {
    try {
      await post(at('workers', worker.id, 'refresh'));
      announce('Read its manifest again');
    } catch (err) {
      announce(told(err), true);
    }
    all.reload();
  };
  return html`<div class="page"><header class="page-head"><h1>Workers</h1>
      <div class="actions"><button type="button" class="button primary" onClick=${() => setRegistering(true)}><${Icon} name="plus" />Register worker</button></div></header>
    ${all.loading ? html`<${Loading} />` : !all.data ? html`<${Failed} error=${all.error} retry=${all.reload} />` : html`
      <${Stale} error=${all.error} retry=${all.reload} />
      ${all.data.workers.length === 0 ? html`<div class="card"><${Empty} icon="worker" title="No worker is registered"><p>A worker is an HTTP endpoint that describes its functions:</p>
        <${Command} text=${`curl ${location.origin}/v1/workers \\\n  -H 'Content-Type: application/json' \\\n  -d '{"url": "http://127.0.0.1:9000"}'`} /><//></div>`
        : html`<${WorkerTable} workers=${all.data.workers} refresh=${refresh} />`}
      <h2 class="part">Schedulers</h2>
      ${!all.data.schedulers.some(lives) && html`<div class="card"><${Empty} icon="clock" title="No scheduler runs"><p>Nothing is delivered until one does. <code>stent dev</code> has one; in production, start <code>scheduler</code>.</p><//></div>`}
      <${SchedulerTable} schedulers=${all.data.schedulers.filter(matters)} caption="Schedulers, newest first" />
      <${Gone} schedulers=${all.data.schedulers.filter((s) => !matters(s))} />`}
    ${registering && html`<${RegisterDialog} done=${all.reload} onClose=${() => setRegistering(false)} />`}
  </div>`;
}

const WorkerTable = ({ workers, refresh }) => html`<div class="card table-card"><table class="list"><caption class="hidden">Workers, newest first</caption>
  <thead><tr><th scope="col">URL</th><th scope="col">Health</th><th scope="col" class="wide-only">Signed</th><th scope="col" class="mid-only">Registered</th><th scope="col" class="right">Actions</th></tr></thead>
  <tbody>${workers.map((w) => html`<tr key=${w.id}>
    <th scope="row"><code class="break">${w.url}</code>${w.last_error && html`<span class="row-error" title=${w.last_error}>${w.last_error}</span>`}</th>
    <td><${State} state=${w.health} />${w.unreachable_since && html`<span class="muted below">since <${Ago} at=${w.unreachable_since} /></span>`}</td>
    <td class="wide-only muted">${w.signed ? 'yes' : 'no'}</td>
    <td class="mid-only muted nowrap"><${Ago} at=${w.created_at} /></td>
    <td class="right"><button type="button" class="button small" onClick=${() => refresh(w)}><${Icon} name="retry" />Refresh<span class="hidden"> ${w.url}</span></button></td></tr>`)}</tbody></table></div>`;

const Gone = ({ schedulers }) => schedulers.length > 0 && html`<details class="options"><summary>Stopped and expired within the last day (${schedulers.length})</summary>
  <${SchedulerTable} schedulers=${schedulers} caption="Schedulers that are gone, newest first" /></details>`;

const SchedulerTable = ({ schedulers, caption }) => schedulers.length > 0 && html`<div class="card table-card"><table class="list"><caption class="hidden">${caption}</caption>
  <thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">In flight</th><th scope="col" class="wide-only">Queues</th><th scope="col" class="wide-only">Id</th><th scope="col" class="mid-only">Last seen</th></tr></thead>
  <tbody>${schedulers.map((s) => html`<tr key=${s.id}>
    <th scope="row">${s.host}</th><td><${State} state=${s.state} /></td>
    <td class="depth"><span class="num">${s.in_flight} of ${s.capacity}</span><span class="meter" aria-hidden="true"><span style=${{ width: `${s.capacity ? (100 * s.in_flight) / s.capacity : 0}%` }}></span></span></td>
    <td class="wide-only muted">${s.queues.length ? s.queues.join(', ') : 'all'}${s.tags.length ? `; tags ${s.tags.join(', ')}` : ''}</td>
    <td class="wide-only"><${Id} id=${s.id} what="scheduler id" /></td>
    <td class="mid-only muted nowrap"><${Ago} at=${s.last_seen_at} /></td></tr>`)}</tbody></table></div>`;

function RegisterDialog({ done, onClose }) {
  const [url, setUrl] = useState('');
  const [secret, setSecret] = useState('');
  const register = async () => {
    const body = { url: url.trim() };
    if (secret.trim()) body.secret = secret.trim();
    const worker = await post('/v1/workers', body);
    announce(`Registered ${worker.functions?.length ?? 0} functions`);
    done();
  };
  return html`<${FormDialog} title="Register a worker" submit="Register" ready=${url.trim() !== ''} action=${register} onClose=${onClose}>
    <${TextField} label="URL" value=${url} onInput=${setUrl} type="url" first hint="Its manifest is read from there, and tasks are delivered there." />
    <${TextField} label="Secret" value=${secret} onInput=${setSecret} type="password" hint="Optional: whsec_… signs what is delivered." />
  <//>`;
}
