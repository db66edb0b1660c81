// Starts an execution.
import { get, post } from '../api.js';
import { html, useState } from '../html.js';
import { useResource } from '../resource.js';
import { go, to } from '../router.js';
import { FormDialog } from '../ui/dialog.js';
import { isJson, JsonField, TextField } from '../ui/field.js';
import { announce } from '../ui/toast.js';

const list = (text) => text.split(',').map((t) => t.trim()).filter(Boolean);

/** @param {{named: string, onClose: () => void}} props the function that is proposed */
export function StartDialog({ named, onClose }) {
  const functions = useResource((signal) => get('/v1/functions', { limit: 500 }, signal), []);
  const [name, setName] = useState(named);
  const [input, setInput] = useState('');
  const [more, setMore] = useState({ tags: '', delay: '', max_duration: '', queue: '', priority: '', callback_url: '', key: '' });
  const field = (key, label, hint) => html`<${TextField} label=${label} hint=${hint} value=${more[key]} onInput=${(v) => setMore((was) => ({ ...was, [key]: v }))} />`;
  const start = async () => {
    const options = { function: name.trim() };
    for (const key of ['delay', 'max_duration', 'queue', 'callback_url']) if (more[key].trim()) options[key] = more[key].trim();
    const priority = more.priority.trim();
    if (priority) options.priority = Number.isFinite(Number(priority)) ? Number(priority) : priority; // the service says what is wrong with it
    if (more.tags.trim()) options.tags = list(more.tags);
    // The input goes as it was typed: no digit of it is lost on the way.
    const body = JSON.stringify(options);
    const text = input.trim() === '' ? body : `${body.slice(0, -1)},"input":${input.trim()}}`;
    const headers = more.key ? { 'Idempotency-Key': more.key } : {};
    const execution = await post('/v1/executions', undefined, { text, headers });
    announce(`Started ${execution.function}`);
    go(to(['executions', execution.id]));
  };
  const names = [...new Set((functions.data?.items ?? []).map((f) => f.name))].sort();
  return html`<${FormDialog} title="Start an execution" submit="Start" ready=${name.trim() !== '' && isJson(input)} action=${start} onClose=${onClose}>
    <${TextField} label="Function" value=${name} onInput=${setName} list=${names} first hint=${functions.data && names.length === 0 ? 'No function is registered yet.' : undefined} />
    <${JsonField} label="Input (JSON)" value=${input} onInput=${setInput} hint="Empty is null." />
    <details class="options"><summary>Options</summary><div class="field-grid">
      ${field('tags', 'Tags', 'Separated by commas')}
      ${field('delay', 'Delay', 'Such as 30s, 1h30m or 2d')}
      ${field('max_duration', 'Longest duration', 'It times out after this')}
      ${field('queue', 'Queue', "Empty is the function's")}
      ${field('priority', 'Priority', '−1000 to 1000; higher goes first')}
      ${field('callback_url', 'Callback URL', 'Is told how it ended')}
      ${field('key', 'Idempotency key', 'Makes the start safe to repeat')}
    </div></details>
  <//>`;
}
