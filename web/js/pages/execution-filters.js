// The filters of the list of executions. They stand in the URL, so that a list can be sent to somebody.
import { at, get } from '../api.js';
import { html, useState } from '../html.js';
import { useResource } from '../resource.js';
import { go, replace, to } from '../router.js';
import { executionStates, State } from '../ui/chip.js';
import { LateField, SelectField, TextField } from '../ui/field.js';
import { Icon } from '../ui/icon.js';

const spans = { '15m': 15 * 60e3, '1h': 3600e3, '24h': 24 * 3600e3, '7d': 7 * 24 * 3600e3, '30d': 30 * 24 * 3600e3 };
const times = [['', 'Any time'], ['15m', 'Last 15 minutes'], ['1h', 'Last hour'], ['24h', 'Last 24 hours'], ['7d', 'Last 7 days'], ['30d', 'Last 30 days'], ['range', 'From … to …']];
const names = ['state', 'function', 'queue', 'tag', 'since', 'from', 'until'];

export const isFiltered = (query) => names.some((name) => query.has(name));

/** What the API is asked, with spans of time counted from the moment of asking. */
export const filterOf = (query) => () => {
  const asked = { state: query.getAll('state'), function: query.get('function'), queue: query.get('queue'), tag: query.get('tag') };
  const span = spans[query.get('since')];
  if (span) asked.created_after = new Date(Date.now() - span).toISOString();
  if (query.get('since') === 'range') {
    asked.created_after = instant(query.get('from'));
    asked.created_before = instant(query.get('until'));
  }
  return asked;
};

const instant = (local) => (local && !Number.isNaN(Date.parse(local)) ? new Date(local).toISOString() : undefined);

/** @param {{query: URLSearchParams}} props */
export function Filters({ query }) {
  const functions = useResource(() => get('/v1/functions', { limit: 500 }), []);
  const queues = useResource(() => get('/v1/queues'), []);
  const change = (name, value) => {
    const next = Object.fromEntries(names.map((n) => [n, query.getAll(n)]));
    next[name] = value;
    replace(to(['executions'], next));
  };
  const [shown, setShown] = useState(false); // on a phone, where they are put away
  const chosen = query.getAll('state');
  const toggle = (state) => change('state', chosen.includes(state) ? chosen.filter((s) => s !== state) : [...chosen, state]);
  return html`<section class="filters" aria-label="Filters">
    <div class="filter-line ${shown ? 'shown' : ''}">
      <${Search} />
      <button type="button" class="button phone-only-flex" aria-expanded=${String(shown)} onClick=${() => setShown(!shown)}><${Icon} name="executions" />${shown ? 'Fewer filters' : 'More filters'}</button>
      <${LateField} label="Function" value=${query.get('function') ?? ''} onChange=${(v) => change('function', v)} list=${unique(functions.data?.items)} />
      <${LateField} label="Queue" value=${query.get('queue') ?? ''} onChange=${(v) => change('queue', v)} list=${unique(queues.data?.items)} />
      <${LateField} label="Tag" value=${query.get('tag') ?? ''} onChange=${(v) => change('tag', v)} />
      <${SelectField} label="Created" value=${query.get('since') ?? ''} options=${times} onInput=${(v) => change('since', v)} />
      ${query.get('since') === 'range' && html`
        <${TextField} label="From" type="datetime-local" value=${query.get('from') ?? ''} onInput=${(v) => change('from', v)} />
        <${TextField} label="Until" type="datetime-local" value=${query.get('until') ?? ''} onInput=${(v) => change('until', v)} />`}
    </div>
    <div class="state-line" role="group" aria-label="States">
      ${executionStates.map((state) => html`<button type="button" class="toggle" aria-pressed=${chosen.includes(state) ? 'true' : 'false'} onClick=${() => toggle(state)}><${State} state=${state} /></button>`)}
      ${isFiltered(query) && html`<a class="clear" href="#/executions">Clear filters</a>`}
    </div>
  </section>`;
}

const unique = (items) => [...new Set((items ?? []).map((x) => x.name))].sort();

/** Opens the execution with an id, or that of the task with it. */
function Search() {
  const [text, setText] = useState('');
  const [fault, setFault] = useState(null);
  const submit = async (e) => {
    e.preventDefault();
    const id = text.trim();
    if (id === '') return;
    setFault(null);
    try {
      go(to(['executions', await executionOf(id)]));
    } catch (err) {
      setFault(err.status === 404 || err.status === 400 ? 'No execution or task has this id.' : err.message);
    }
  };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <${TextField} label="Id" placeholder="Of an execution or task" value=${text} onInput=${setText} fault=${fault} class="mono" />
    <button type="submit" class="button" aria-label="Open by id"><${Icon} name="search" /></button></form>`;
}

async function executionOf(id) {
  try {
    return (await get(at('executions', id))).id;
  } catch (err) {
    if (err.status !== 404) throw err;
    return (await get(at('tasks', id))).execution_id;
  }
}
