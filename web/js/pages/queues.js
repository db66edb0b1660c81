// The queues: how much is due in each, and since when.
import { at, get, post, told } from '../api.js';
import { count } from '../format.js';
import { html, useState } from '../html.js';
import { useChanges } from '../live.js';
import { useInterval, useResource } from '../resource.js';
import { to } from '../router.js';
import { State } from '../ui/chip.js';
import { FormDialog } from '../ui/dialog.js';
import { Icon } from '../ui/icon.js';
import { Empty, Failed, Loading, Stale } from '../ui/notice.js';
import { Ago } from '../ui/time.js';
import { announce } from '../ui/toast.js';

export function Queues() {
  const queues = useResource((signal) => get('/v1/queues', {}, signal), []);
  const [pausing, setPausing] = useState(null);
  useChanges(() => queues.reload(), 2000);
  useInterval(queues.reload, 5000);
  const turn = async (queue, action) => {
    await post(at('queues', queue.name, action));
    announce(`The queue ${queue.name} is ${action === 'pause' ? 'paused' : 'active again'}`);
    await queues.reload();
  };
  const resume = (queue) => turn(queue, 'resume').catch((err) => announce(told(err), true));
  return html`<div class="page"><header class="page-head"><h1>Queues</h1></header>
    ${queues.loading ? html`<${Loading} />` : !queues.data ? html`<${Failed} error=${queues.error} retry=${queues.reload} />` : html`
      <${Stale} error=${queues.error} retry=${queues.reload} />
      ${queues.data.items.length === 0 ? html`<${Empty} icon="queue" title="There is no queue yet"><p>A queue is there as soon as a function names it. <a href="#/functions">To the functions</a></p><//>`
        : html`<${Table} queues=${queues.data.items} pause=${setPausing} resume=${resume} />`}`}
    ${pausing && html`<${FormDialog} title=${`Pause the queue ${pausing.name}?`} submit="Pause the queue" danger action=${() => turn(pausing, 'pause')} onClose=${() => setPausing(null)}>
      <p>Nothing more is delivered from it, for any execution, until it is resumed. What is in flight ends and is recorded.</p><//>`}
  </div>`;
}

function Table({ queues, pause, resume }) {
  const most = Math.max(1, ...queues.map((q) => q.depth));
  return html`<div class="card table-card"><table class="list"><caption class="hidden">Queues by name</caption>
    <thead><tr><th scope="col">Queue</th><th scope="col">State</th><th scope="col">Due</th><th scope="col" class="mid-only">Oldest due</th><th scope="col" class="right">Actions</th></tr></thead>
    <tbody>${queues.map((q) => html`<tr key=${q.name}>
      <th scope="row"><a class="row-link" href=${to(['executions'], { queue: q.name })}>${q.name}</a></th>
      <td><${State} state=${q.paused ? 'paused' : 'active'} /></td>
      <td class="depth"><span class="num">${count(q.depth)}${q.more ? '+' : ''}</span><span class="meter" aria-hidden="true"><span style=${{ width: `${(100 * q.depth) / most}%` }}></span></span></td>
      <td class="mid-only muted"><${Ago} at=${q.oldest_due_at} none="nothing waits" /></td>
      <td class="right">${q.paused
        ? html`<button type="button" class="button small" onClick=${() => resume(q)}><${Icon} name="play" />Resume<span class="hidden"> ${q.name}</span></button>`
        : html`<button type="button" class="button small" onClick=${() => pause(q)}><${Icon} name="pause" />Pause<span class="hidden"> ${q.name}</span></button>`}</td>
    </tr>`)}</tbody></table></div>`;
}
