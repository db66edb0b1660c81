// What an execution waits for, in words.
import { at, get } from '../api.js';
import { some } from '../format.js';
import { html, useEffect } from '../html.js';
import { useInterval, useResource } from '../resource.js';
import { Icon } from '../ui/icon.js';
import { Ago, Lasted } from '../ui/time.js';

const icons = {
  retry: 'retry', scheduled: 'clock', due: 'queue', execution_paused: 'pause', queue_paused: 'pause', not_registered: 'warning', worker_unreachable: 'warning',
  worker_disabled: 'ban', no_scheduler: 'warning', max_concurrent: 'hourglass', rate_limit: 'hourglass', max_in_flight: 'hourglass', running: 'spinner',
  report: 'hourglass', timer: 'clock', signal: 'signal', result: 'hourglass',
};
const troubles = new Set(['not_registered', 'worker_unreachable', 'worker_disabled', 'no_scheduler']);
const shown = 5;

/** @param {{execution: object, version: number, select: (id: string) => void, signal: (name: string) => void}} props */
export function Why({ execution, version, select, signal }) {
  const why = useResource((s) => get(at('executions', execution.id, 'why'), {}, s), [execution.id]);
  useEffect(() => {
    const timer = setTimeout(why.reload, 300); // after what changes at once has changed
    return () => clearTimeout(timer);
  }, [version]);
  useInterval(why.reload, 5000);
  const holds = why.data?.waits_for ?? [];
  const paused = why.data?.paused && !holds.some((hold) => hold.reason === 'execution_paused');
  if (holds.length === 0) return null;
  return html`<section class="card why" aria-label="What it waits for"><h2>Waits for</h2>
    ${paused && html`<p class="muted">It is paused: what comes due is not delivered until it is resumed.</p>`}
    <ul>${holds.slice(0, shown).map((hold) => html`<${Hold} key=${hold.task_id} hold=${hold} select=${select} signal=${signal} />`)}</ul>
    ${(holds.length > shown || why.data.more) && html`<p class="muted">and ${why.data.more ? 'more' : some(holds.length - shown, 'other step')}</p>`}
  </section>`;
}

/** What holds it, and for how long; some of the sentences leave off before that. */
const Sentence = ({ hold }) => html`<span>${hold.detail.replace(/ since$/, ' for')} ${hold.since && (hold.detail.endsWith(' since')
  ? html`<${Lasted} from=${hold.since} to=${null} />`
  : html`<span class="muted">(for <${Lasted} from=${hold.since} to=${null} />)</span>`)}</span>`;

const Hold = ({ hold, select, signal }) => html`<li class=${troubles.has(hold.reason) ? 'trouble' : ''}>
  <${Icon} name=${icons[hold.reason] ?? 'hourglass'} class=${hold.reason === 'running' ? 'turning' : ''} />
  <div><p><button type="button" class="link" onClick=${() => select(hold.task_id)}>${hold.path}</button> <${Sentence} hold=${hold} /></p>
    ${hold.until && hold.reason !== 'running' && html`<p class="muted">${hold.reason === 'signal' ? 'given up' : 'due'} <${Ago} at=${hold.until} /></p>`}
    ${hold.error && !hold.detail.includes(hold.error.message) && html`<p class="row-error">${hold.error.type}: ${hold.error.message}</p>`}</div>
  ${hold.reason === 'signal' && html`<button type="button" class="button small" onClick=${() => signal(hold.name)}><${Icon} name="signal" />Send it…</button>`}
</li>`;
