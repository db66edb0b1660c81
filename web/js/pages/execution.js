// One execution, live.
import { at, get } from '../api.js';
import { serverTime } from '../clock.js';
import { html, useEffect, useState } from '../html.js';
import { useChanges } from '../live.js';
import { replace, to } from '../router.js';
import { State, Tag, terminal } from '../ui/chip.js';
import { Id } from '../ui/copy.js';
import { Icon } from '../ui/icon.js';
import { Failure } from '../ui/json.js';
import { Empty, Failed, Loading } from '../ui/notice.js';
import { ActionDialog, Actions } from '../execution/actions.js';
import { Details } from '../execution/details.js';
import { useExecution } from '../execution/follow.js';
import { fit, scaleOf } from '../execution/scale.js';
import { Steps } from '../execution/steps.js';
import { Signals, Summary, Values } from '../execution/summary.js';
import { Why } from '../execution/why.js';

const tabs = [['timeline', 'Timeline'], ['tree', 'Tree'], ['values', 'Values'], ['signals', 'Signals']];

const covered = matchMedia('(max-width: 1080px)'); // the details lie over the steps, as in pages.css

/** @param {{id: string, query: URLSearchParams}} props */
export function Execution({ id, query }) {
  const followed = useExecution(id);
  const { execution, tree, version, status, error, again } = followed;
  const [dialog, setDialog] = useState(null);
  useEffect(() => { if (execution) document.title = `${execution.function} · ${execution.state} · Stent`; }, [execution]);
  useReopened(id, execution, status, again);
  const view = query.get('view') ?? 'timeline';
  const selected = query.get('task');
  const withPast = query.get('runs') === 'all';
  const turn = (next) => replace(to(['executions', id], { ...Object.fromEntries(query), ...next }));
  if (!execution) return error ? html`<${Missing} id=${id} error=${error} again=${again} />` : html`<${Loading} what=${status === 'reconnecting' ? 'The service does not answer; trying again' : 'Reading the execution'} />`;
  const chosen = selected && tree.tasks.get(selected);
  const { steps, states, past } = tree.counts();
  const close = () => {
    turn({ task: null });
    document.querySelector('.step-row[tabindex="0"]')?.focus();
  };
  const zoomTo = () => {
    turn({ zoom: fit(scaleOf(execution, tree, serverTime(), null), chosen), task: covered.matches ? null : selected });
    if (!covered.matches) return;
    const row = document.querySelector('.step-row[tabindex="0"]');
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: 'center' });
  };
  return html`<article class="page execution">
    <${Head} execution=${execution} status=${status} open=${setDialog} />
    <${Summary} execution=${execution} steps=${steps} states=${states} />
    ${execution.error && html`<section class="card error-card" aria-label="Error"><${Failure} error=${execution.error} />${execution.state === 'blocked' && html`<p>It goes on once its code fits its history again: deploy that, and resume it. Or restart it from a step.</p>`}</section>`}
    ${!terminal.has(execution.state) && html`<${Why} execution=${execution} version=${version} select=${(task) => turn({ task })} signal=${(signal) => setDialog({ name: 'signal', signal })} />`}
    <div class="tabs" role="group" aria-label="View">${tabs.map(([name, title]) => html`<button type="button" aria-pressed=${view === name ? 'true' : 'false'} onClick=${() => turn({ view: name })}>${title}</button>`)}</div>
    <div class="split ${chosen ? 'with-details' : ''}">
      <div class="split-main">${view === 'values' ? html`<${Values} execution=${execution} />`
        : view === 'signals' ? html`<${Signals} id=${id} version=${version} />`
        : html`<${Steps} key=${id} execution=${execution} tree=${tree} version=${version} view=${view === 'tree' ? 'tree' : 'timeline'} selected=${selected} select=${(task) => (task ? turn({ task }) : close())} touch=${followed.touch}
          steps=${steps} past=${past} withPast=${withPast} showPast=${(yes) => turn({ runs: yes ? 'all' : null })} part=${query.get('zoom')} zoom=${(zoom) => turn({ zoom })} />`}</div>
      ${chosen && html`<${Details} key=${selected} task=${chosen} past=${tree.isPast(chosen)} close=${close} zoom=${view === 'timeline' ? zoomTo : undefined}
        restart=${chosen.parent_task_id === rootOf(tree) && !tree.isLeftBehind(chosen) ? (step) => setDialog({ name: 'restart', step }) : undefined} />`}
    </div>
    ${dialog && html`<${ActionDialog} dialog=${dialog} execution=${execution} steps=${dialog.name === 'restart' ? stepsOf(tree) : []} again=${again} restarted=${() => turn({ task: null })} onClose=${() => setDialog(null)} />`}
  </article>`;
}

const Head = ({ execution: e, status, open }) => html`<header class="page-head">
  <div class="titles"><p class="crumbs"><a href="#/executions"><${Icon} name="back" />Executions</a><span aria-hidden="true" class="muted">/</span><${Id} id=${e.id} what="execution id" whole />
      <span role="status">${status === 'reconnecting' && html`<span class="chip tone-warn" title="What you see may be some seconds old"><${Icon} name="spinner" class="turning" />Reconnecting</span>`}</span></p>
    <h1><span>${e.function}</span>${e.version && html`<${Tag} title="version">${e.version}<//>`}<span class="states" aria-live="polite"><${State} state=${e.state} />${e.paused && html`<${State} state="paused" />`}${e.cancel_requested && e.state === 'blocked' && html`<${State} state="cancelling" />`}</span></h1></div>
  <${Actions} execution=${e} open=${open} />
</header>`;

const Missing = ({ id, error, again }) => (error.status === 404 || error.status === 400
  ? html`<${Empty} icon="search" title="There is no such execution"><p>Nothing has the id <code>${id}</code>. It may have been cleaned up.</p><p><a href="#/executions">To the executions</a></p><//>`
  : html`<${Failed} error=${error} retry=${again} />`);

const rootOf = (tree) => (tree.children.get('') ?? []).find((id) => tree.tasks.get(id).step_key === 'root');
const stepsOf = (tree) => (tree.children.get(rootOf(tree)) ?? []).map((id) => tree.tasks.get(id)).filter((task) => !tree.isPast(task)).map((task) => task.step_key);

/** An execution that had ended may begin again: by a restart, or the replay of a dead letter. */
function useReopened(id, execution, status, again) {
  useChanges(async (ids, many) => {
    if (status !== 'ended' || !execution || !(many || ids.has(id))) return;
    const now = await get(at('executions', id)).catch(() => null);
    if (now && (!terminal.has(now.state) || now.completed_at !== execution.completed_at)) again();
  });
}
