// The functions with their policies and limits.
import { get } from '../api.js';
import { html } from '../html.js';
import { useInterval, useResource } from '../resource.js';
import { to } from '../router.js';
import { Tag } from '../ui/chip.js';
import { Icon } from '../ui/icon.js';
import { Command, Empty, Failed, Loading, Stale } from '../ui/notice.js';
import { Ago } from '../ui/time.js';

/** Every part of a list: functions are few. */
async function everything(path, signal) {
  const items = [];
  let cursor;
  do {
    const part = await get(path, { limit: 500, cursor }, signal);
    items.push(...part.items);
    cursor = part.next_cursor;
  } while (cursor);
  return items;
}

export function Functions() {
  const all = useResource((signal) => everything('/v1/functions', signal), []);
  useInterval(all.reload, 15_000);
  return html`<div class="page"><header class="page-head"><h1>Functions</h1></header>
    ${all.loading ? html`<${Loading} />` : !all.data ? html`<${Failed} error=${all.error} retry=${all.reload} />` : html`
      <${Stale} error=${all.error} retry=${all.reload} />
      ${all.data.length === 0 ? html`<${Empty} icon="function" title="No function is registered"><p>Any HTTP handler that takes JSON can be one:</p>
        <${Command} text=${`curl -X PUT ${location.origin}/v1/functions/greet \\\n  -H 'Content-Type: application/json' \\\n  -d '{"kind": "activity", "url": "http://127.0.0.1:9000"}'`} /><//>`
        : html`<ul class="cards">${sorted(all.data).map((f) => html`<${Card} key=${`${f.name} ${f.version}`} f=${f} />`)}</ul>`}`}
  </div>`;
}

const sorted = (functions) => [...functions].sort((a, b) => b.kind.localeCompare(a.kind) || a.name.localeCompare(b.name));

const Line = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function Card({ f }) {
  const limits = limitsOf(f);
  return html`<li class="card function">
    <header><${Icon} name=${f.kind === 'orchestrator' ? 'branch' : 'bolt'} class="kind" /><h2><a href=${to(['executions'], { function: f.name })}>${f.name}</a></h2>
      <a class="button small" href=${to(['executions'], { start: f.name })}><${Icon} name="play" />Start<span class="hidden"> ${f.name}</span></a>
      <p class="muted">${f.kind}${f.version && html` <${Tag} title="version">${f.version}<//>`}</p></header>
    <dl class="facts">
      <${Line} name="Queue">${f.queue}${f.priority ? `, priority ${f.priority}` : ''}<//>
      <${Line} name="Timeout">${f.timeout}${f.heartbeat_timeout ? `, heartbeat ${f.heartbeat_timeout}` : ''}<//>
      ${f.kind === 'activity' && html`<${Line} name="Retries">${policyOf(f.retry_policy)}<//>`}
      ${limits && html`<${Line} name="Limits">${limits}<//>`}
      ${(f.idempotent || f.cache_ttl) && html`<${Line} name="Results">${f.idempotent ? 'idempotent' : ''}${f.cache_ttl ? `${f.idempotent ? ', ' : ''}cached ${f.cache_ttl === '0s' ? 'for good' : f.cache_ttl}` : ''}${f.idempotency_key_from.length ? `, by ${f.idempotency_key_from.join(', ')}` : ''}<//>`}
      ${f.retention && html`<${Line} name="Kept for">${f.retention === '0s' ? 'good' : f.retention}<//>`}
      ${f.tags.length > 0 && html`<${Line} name="Tags"><span class="tags">${f.tags.map((t) => html`<${Tag}>${t}<//>`)}</span><//>`}
      <${Line} name="URL"><code class="break">${f.url}</code><//>
      <${Line} name="Registered"><${Ago} at=${f.updated_at} /><//>
    </dl></li>`;
}

function policyOf(p) {
  if (p.max_attempts === 1) return 'none';
  const only = p.retry_for.length ? `, for ${p.retry_for.join(', ')}` : '';
  return `${p.max_attempts} attempts, after ${p.initial_delay} × ${p.backoff_factor}, at most ${p.max_delay}${only}`;
}

function limitsOf(f) {
  const limits = [];
  if (f.max_concurrent) limits.push(`${f.max_concurrent} at once`);
  if (f.rate_limit) limits.push(`${f.rate_limit.limit} per ${f.rate_limit.per}`);
  return limits.join(', ');
}
