// Tasks that failed for good: looked at, replayed or discarded.
import { get, at } from '../api.js';
import { html, useState } from '../html.js';
import { useChanges } from '../live.js';
import { useResource } from '../resource.js';
import { replace, to } from '../router.js';
import { Tag } from '../ui/chip.js';
import { Id } from '../ui/copy.js';
import { LateField, SelectField } from '../ui/field.js';
import { Icon } from '../ui/icon.js';
import { Failure, Json } from '../ui/json.js';
import { Empty, Failed, Loading, Stale } from '../ui/notice.js';
import { Ago } from '../ui/time.js';
import { DiscardDialog, ReplayAllDialog, ReplayDialog } from './dead-letter-dialogs.js';

const part = 100;
const spans = { '1h': 3600e3, '24h': 24 * 3600e3, '7d': 7 * 24 * 3600e3 };
const times = [['', 'Any time'], ['1h', 'Last hour'], ['24h', 'Last 24 hours'], ['7d', 'Last 7 days']];
const names = ['function', 'queue', 'kind', 'since'];

/** @param {{id?: string, query: URLSearchParams}} props the id of the letter that is open */
export function DeadLetters({ id, query }) {
  const [dialog, setDialog] = useState(null);
  const [parts, setParts] = useState(1);
  const filter = Object.fromEntries(names.map((n) => [n, query.get(n) ?? '']));
  const asked = () => ({ function: filter.function, queue: filter.queue, kind: filter.kind, failed_after: spans[filter.since] && new Date(Date.now() - spans[filter.since]).toISOString() });
  const letters = useResource((signal) => some(asked(), parts, signal), [query.toString(), parts]);
  useChanges(() => letters.reload(), 2000);
  const change = (name, value) => replace(to(['dead-letters'], { ...filter, [name]: value }));
  const done = () => {
    if (dialog.letter?.task_id === id) replace(to(['dead-letters'], filter));
    letters.reload();
  };
  const items = letters.data?.items ?? [];
  return html`<div class="page"><header class="page-head"><h1>Dead letters</h1>
      <div class="actions">${items.length > 0 && html`<button type="button" class="button" onClick=${() => setDialog({ name: 'all' })}><${Icon} name="retry" />Replay all…</button>`}</div></header>
    <section class="filters" aria-label="Filters"><div class="filter-line">
      <${LateField} label="Function" value=${filter.function} onChange=${(v) => change('function', v)} />
      <${LateField} label="Queue" value=${filter.queue} onChange=${(v) => change('queue', v)} />
      <${SelectField} label="Kind" value=${filter.kind} options=${[['', 'Any'], ['activity', 'Activity'], ['orchestrator', 'Orchestrator']]} onInput=${(v) => change('kind', v)} />
      <${SelectField} label="Failed" value=${filter.since} options=${times} onInput=${(v) => change('since', v)} />
    </div></section>
    ${letters.loading ? html`<${Loading} />` : !letters.data ? html`<${Failed} error=${letters.error} retry=${letters.reload} />` : html`
      <${Stale} error=${letters.error} retry=${letters.reload} />
      <div class="split ${id ? 'with-details' : ''}"><div class="split-main">
        ${items.length === 0 ? html`<${Nothing} filtered=${names.some((n) => query.has(n))} />` : html`<${Table} items=${items} filter=${filter} open=${setDialog} current=${id} />`}
        ${letters.data.more && html`<div class="more"><button type="button" class="button" onClick=${() => setParts(parts + 1)}>Load more</button></div>`}</div>
        ${id && html`<${Letter} key=${id} id=${id} filter=${filter} open=${setDialog} />`}</div>`}
    ${dialog?.name === 'replay' && html`<${ReplayDialog} letter=${dialog.letter} done=${done} onClose=${() => setDialog(null)} />`}
    ${dialog?.name === 'discard' && html`<${DiscardDialog} letter=${dialog.letter} done=${done} onClose=${() => setDialog(null)} />`}
    ${dialog?.name === 'all' && html`<${ReplayAllDialog} filter=${asked()} done=${done} onClose=${() => setDialog(null)} />`}
  </div>`;
}

/** So many parts of the list, one after the other. */
async function some(filter, parts, signal) {
  const items = [];
  let cursor;
  for (let i = 0; i < parts; i++) {
    const read = await get('/v1/dead-letters', { ...filter, limit: part, cursor }, signal);
    items.push(...read.items);
    cursor = read.next_cursor;
    if (!cursor) break;
  }
  return { items, more: Boolean(cursor) };
}

const Nothing = ({ filtered }) => (filtered
  ? html`<${Empty} icon="search" title="No dead letter matches"><p><a href="#/dead-letters">Show all</a></p><//>`
  : html`<${Empty} icon="check" title="No dead letters"><p>Tasks that fail for good come here, to be replayed once the cause is mended.</p><//>`);

const Table = ({ items, filter, open, current }) => html`<div class="card table-card"><table class="list letters"><caption class="hidden">Dead letters, those that failed last first</caption>
  <thead><tr><th scope="col">Function</th><th scope="col">Error</th><th scope="col" class="wide-only">Queue</th><th scope="col" class="mid-only right">Attempts</th><th scope="col" class="mid-only">Failed</th><th scope="col" class="right">Actions</th></tr></thead>
  <tbody>${items.map((letter) => html`<tr key=${letter.task_id} class=${letter.task_id === current ? 'chosen' : ''}>
    <th scope="row"><a class="row-link" href=${to(['dead-letters', letter.task_id], filter)}>${letter.function}</a><span class="muted below">${letter.kind}</span></th>
    <td class="error-cell"><code class="tone-bad-text">${letter.error?.type}</code><span class="row-error">${letter.error?.message}</span></td>
    <td class="wide-only muted">${letter.queue}</td><td class="mid-only right num">${letter.attempt}</td><td class="mid-only muted nowrap"><${Ago} at=${letter.failed_at} /></td>
    <td class="right nowrap"><${Buttons} letter=${letter} open=${open} /></td></tr>`)}</tbody></table></div>`;

const Buttons = ({ letter, open }) => html`<span class="row-actions">
  <button type="button" class="button small" onClick=${() => open({ name: 'replay', letter })}><${Icon} name="retry" />Replay<span class="hidden"> ${letter.function}</span></button>
  <button type="button" class="button small ghost" onClick=${() => open({ name: 'discard', letter })} aria-label=${`Discard ${letter.function}`} title="Discard"><${Icon} name="trash" /></button></span>`;

function Letter({ id, filter, open }) {
  const read = useResource((signal) => get(at('dead-letters', id), {}, signal), [id]);
  const close = () => replace(to(['dead-letters'], filter));
  const letter = read.data;
  return html`<aside class="details" aria-label="Details of the dead letter" onKeyDown=${(e) => { if (e.key === 'Escape') close(); }}><header><div><h2>${letter?.step_key ?? 'Dead letter'}</h2><p class="muted">${letter?.function}</p></div>
      <button type="button" class="button ghost" onClick=${close} aria-label="Close the details"><${Icon} name="cross" /></button></header>
    <div class="details-body">${read.loading ? html`<${Loading} />` : read.error ? html`<${Failed} error=${read.error} retry=${read.reload} />` : html`
      <p class="actions"><button type="button" class="button" onClick=${() => open({ name: 'replay', letter })}><${Icon} name="retry" />Replay…</button>
        <button type="button" class="button danger-quiet" onClick=${() => open({ name: 'discard', letter })}><${Icon} name="trash" />Discard…</button></p>
      <section><h3>Error</h3><${Failure} error=${letter.error} /></section>
      <section><h3>Facts</h3><dl class="facts">
        <div><dt>Execution</dt><dd><${Id} id=${letter.execution_id} what="execution" href=${to(['executions', letter.execution_id], { task: letter.task_id })} /></dd></div>
        <div><dt>Queue</dt><dd>${letter.queue}</dd></div><div><dt>Failed</dt><dd><${Ago} at=${letter.failed_at} /></dd></div>
        <div><dt>Task</dt><dd><${Id} id=${letter.task_id} what="task id" /></dd></div></dl></section>
      ${letter.attempts?.length > 0 && html`<section><h3>Failed attempts</h3><ol class="attempts">${letter.attempts.map((a) => html`<li><p class="attempt-head"><strong>Attempt ${a.number}</strong>${a.status_code && html`<${Tag}>HTTP ${a.status_code}<//>`}<span class="muted"><${Ago} at=${a.ended_at} /></span></p>${a.error && html`<p class="attempt-error"><code>${a.error.type}</code> ${a.error.message}</p>`}</li>`)}</ol></section>`}
      <section><h3>Input</h3><${Json} value=${letter.input} label="input" /></section>`}</div></aside>`;
}
