// What can be done with dead letters.
import { at, post, remove } from '../api.js';
import { clock, some } from '../format.js';
import { html, useState } from '../html.js';
import { FormDialog } from '../ui/dialog.js';
import { Check, TextField } from '../ui/field.js';
import { announce } from '../ui/toast.js';

export function ReplayDialog({ letter, done, onClose }) {
  const [queue, setQueue] = useState('');
  const [reset, setReset] = useState(true);
  const replay = async () => {
    await post(at('dead-letters', letter.task_id, 'replay'), { queue: queue.trim() || null, reset_retries: reset });
    announce(`Replayed ${letter.function}`);
    done();
  };
  return html`<${FormDialog} title=${`Replay ${letter.function}?`} submit="Replay" action=${replay} onClose=${onClose}>
    <p>The same task runs again, in its own execution, which goes on from there. Steps that have completed stay completed.</p>
    <${TextField} label="Queue" placeholder=${letter.queue} value=${queue} onInput=${setQueue} hint="Empty is the one that it went through." first />
    <${Check} label="Count its failures from none again" checked=${reset} onInput=${setReset} /><//>`;
}

export function DiscardDialog({ letter, done, onClose }) {
  const discard = async () => {
    await remove(at('dead-letters', letter.task_id));
    announce(`Discarded ${letter.function}`);
    done();
  };
  return html`<${FormDialog} title=${`Discard ${letter.function}?`} submit="Discard" danger action=${discard} onClose=${onClose}>
    <p>The task stays failed, and cannot be replayed any more.</p><//>`;
}

/** @param {{filter: {function: string, queue: string, failed_after?: string}}} props */
export function ReplayAllDialog({ filter, done, onClose }) {
  const which = [filter.function && `of ${filter.function}`, filter.queue && `in the queue ${filter.queue}`, filter.failed_after && `that failed after ${clock(filter.failed_after)}`].filter(Boolean).join(', ');
  const replay = async () => {
    const { replayed, refused } = await post('/v1/dead-letters/replay', { function: filter.function || null, queue: filter.queue || null, failed_after: filter.failed_after ?? null });
    announce(`Replayed ${some(replayed, 'dead letter')}${refused ? `; ${refused} stay, as nobody waits for them` : ''}`);
    done();
  };
  return html`<${FormDialog} title="Replay many dead letters?" submit="Replay all" danger action=${replay} onClose=${onClose}>
    <p>All dead letters ${which || 'there are'} run again, up to 1,000, whatever their kind.</p><//>`;
}
