// The list of executions: filters, parts by cursor, and changes as they happen.
import { html, useState } from '../html.js';
import { replace, to } from '../router.js';
import { Icon } from '../ui/icon.js';
import { State, Tag } from '../ui/chip.js';
import { Copy, short } from '../ui/copy.js';
import { Command, Empty, Failed, Loading, Stale } from '../ui/notice.js';
import { Ago, Lasted } from '../ui/time.js';
import { some } from '../format.js';
import { useExecutionList } from './execution-list.js';
import { filterOf, Filters, isFiltered } from './execution-filters.js';
import { StartDialog } from './start-dialog.js';

/** @param {{query: URLSearchParams}} props */
export function Executions({ query }) {
  const [starting, setStarting] = useState(false);
  const close = () => {
    setStarting(false);
    if (!query.has('start') || !location.hash.startsWith('#/executions?')) return; // or what was started is shown
    const rest = new URLSearchParams(query);
    rest.delete('start');
    replace(`#/executions${rest.size ? `?${rest}` : ''}`);
  };
  const list = useExecutionList(filterOf(query), query.toString());
  return html`<div class="page">
    <header class="page-head"><h1>Executions</h1>
      <div class="actions"><button type="button" class="button primary" onClick=${() => setStarting(true)}><${Icon} name="plus" />Start execution</button></div></header>
    <${Filters} query=${query} />
    <${Listing} list=${list} filtered=${isFiltered(query)} queue=${query.get('queue')} />
    ${(starting || query.has('start')) && html`<${StartDialog} named=${query.get('start') ?? ''} onClose=${close} />`}
  </div>`;
}

function Listing({ list, filtered, queue }) {
  if (list.loading) return html`<${Loading} what="Reading executions" />`;
  if (!list.items) return html`<${Failed} error=${list.error} retry=${list.reload} />`;
  return html`
    <${Stale} error=${list.error} retry=${list.reload} />
    <div class="fresh" role="status" aria-live="polite">${list.fresh > 0 && html`<button type="button" class="button small" onClick=${list.show}><${Icon} name="retry" />${list.gap ? 'Many new executions' : some(list.fresh, 'new execution')}: show</button>`}</div>
    ${list.items.length === 0 ? html`<${Nothing} filtered=${filtered} queue=${queue} />` : html`<${Table} items=${list.items} />`}
    ${list.more && html`<div class="more"><button type="button" class="button" onClick=${list.loadMore} disabled=${list.loadingMore}>${list.loadingMore && html`<${Icon} name="spinner" class="turning" />`}Load more</button></div>`}`;
}

const Table = ({ items }) => html`<div class="card table-card"><table class="list">
  <caption class="hidden">Executions, newest first</caption>
  <thead><tr><th scope="col">State</th><th scope="col">Function</th><th scope="col" class="mid-only">Id</th><th scope="col" class="wide-only">Tags</th><th scope="col" class="wide-only">Queue</th><th scope="col">Created</th><th scope="col" class="right mid-only">Duration</th></tr></thead>
  <tbody>${items.map((e) => html`<${Row} key=${e.id} e=${e} />`)}</tbody></table></div>`;

const Row = ({ e }) => html`<tr data-id=${e.id}>
  <td><${State} state=${e.paused ? 'paused' : e.state} /></td>
  <th scope="row"><a class="row-link" href=${to(['executions', e.id])}>${e.function}</a>${e.version && html`<span class="muted version">${e.version}</span>`}<code class="phone-only muted">${short(e.id)}</code>
    ${e.error && html`<span class="row-error" title=${e.error.message}>${e.error.message || e.error.type}</span>`}</th>
  <td class="mid-only"><span class="id"><code title=${e.id}>${short(e.id)}</code><${Copy} text=${e.id} what="execution id" /></span></td>
  <td class="wide-only"><span class="tags">${e.tags.map((tag) => html`<${Tag}>${tag}<//>`)}</span></td>
  <td class="wide-only muted">${e.queue}</td>
  <td class="nowrap muted"><${Ago} at=${e.created_at} /></td>
  <td class="right mid-only nowrap"><${Lasted} from=${e.started_at} to=${e.completed_at} />${e.retries > 0 && html`<span class="retries" title=${some(e.retries, 'retry', 'retries')}><${Icon} name="retry" />${e.retries}</span>`}</td>
</tr>`;

const example = (origin) => `curl -X PUT ${origin}/v1/functions/greet \\
  -H 'Content-Type: application/json' \\
  -d '{"kind": "activity", "url": "http://127.0.0.1:9000"}'

curl ${origin}/v1/executions \\
  -H 'Content-Type: application/json' \\
  -d '{"function": "greet", "input": "Ada"}'`;

const Nothing = ({ filtered, queue }) => (filtered
  ? html`<${Empty} icon="search" title="No execution matches">${queue && html`<p>The queue is that of an execution itself: steps of others may go through <strong>${queue}</strong>.</p>`}<p>Take a filter away, or widen the time. <a href="#/executions">Show all executions</a></p><//>`
  : html`<${Empty} icon="executions" title="Nothing has run yet"><p>Register a handler of yours as a function, and dispatch it:</p><${Command} text=${example(location.origin)} /><//>`);
