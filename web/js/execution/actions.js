// What can be done with an execution, each with its dialog.
import { at, post } from '../api.js';
import { html, useState } from '../html.js';
import { terminal } from '../ui/chip.js';
import { FormDialog } from '../ui/dialog.js';
import { isJson, JsonField, SelectField, TextField } from '../ui/field.js';
import { Icon } from '../ui/icon.js';
import { announce } from '../ui/toast.js';

/** @param {{execution: object, open: (dialog: object) => void}} props */
export function Actions({ execution, open }) {
  const ended = terminal.has(execution.state);
  const stops = execution.paused || execution.state === 'blocked';
  const button = (name, icon, text, danger = '') => html`<button type="button" class="button ${danger}" onClick=${() => open({ name })}><${Icon} name=${icon} />${text}</button>`;
  return html`<div class="actions">
    ${!ended && button('signal', 'signal', 'Send signal')}
    ${!ended && (stops ? button('resume', 'play', 'Resume') : button('pause', 'pause', 'Pause'))}
    ${button('restart', 'retry', 'Restart')}
    ${!ended && button('cancel', 'ban', 'Cancel', 'danger-quiet')}
  </div>`;
}

/** The dialog that is open. @param {{dialog: {name: keyof typeof dialogs, [more: string]: unknown}, execution: object, steps: string[], again: () => void, onClose: () => void}} props */
export const ActionDialog = (props) => html`<${dialogs[props.dialog.name]} ...${props} act=${act(props)} />`;

const act = ({ execution, again }) => async (action, body, done) => {
  await post(at('executions', execution.id, action), body);
  announce(done);
  if (terminal.has(execution.state)) again(); // the stream has ended with it
};

function SignalDialog({ execution, dialog, onClose }) {
  const [name, setName] = useState(dialog.signal ?? '');
  const [payload, setPayload] = useState('');
  const send = async () => {
    const text = payload.trim() === '' ? undefined : payload;
    const receipt = await post(at('executions', execution.id, 'signals', name.trim()), undefined, { text });
    announce(receipt.delivery === 'delivered' ? `The signal ${name} was delivered` : `The signal ${name} waits in the mailbox`);
  };
  return html`<${FormDialog} title="Send a signal" submit="Send signal" ready=${name.trim() !== '' && isJson(payload)} action=${send} onClose=${onClose}>
    <${TextField} label="Name" value=${name} onInput=${setName} first=${!dialog.signal} hint="It is kept until the execution waits for it." />
    <${JsonField} label="Payload (JSON)" value=${payload} onInput=${setPayload} hint="Empty is null." first=${Boolean(dialog.signal)} />
  <//>`;
}

const PauseDialog = ({ act: send, onClose }) => html`<${FormDialog} title="Pause this execution?" submit="Pause" action=${() => send('pause', undefined, 'Paused')} onClose=${onClose}>
  <p>Nothing more is delivered for it until it is resumed. What is in flight ends and is recorded; sleeps and deadlines go on.</p><//>`;

const ResumeDialog = ({ act: send, onClose }) => html`<${FormDialog} title="Resume this execution?" submit="Resume" action=${() => send('resume', undefined, 'Resumed')} onClose=${onClose}>
  <p>What came due meanwhile is delivered. A blocked execution is tried again at once.</p><//>`;

function CancelDialog({ act: send, onClose }) {
  const [mode, setMode] = useState('graceful');
  return html`<${FormDialog} title="Cancel this execution?" submit="Cancel the execution" danger action=${() => send('cancel', { mode }, mode === 'force' ? 'Cancelled' : 'Asked to cancel')} onClose=${onClose}>
    <fieldset class="choices"><legend>How</legend>
      <${Choice} name="mode" value="graceful" chosen=${mode} choose=${setMode} title="Gracefully" text="The orchestrator is told, and may undo what it did. Open steps are cancelled." />
      <${Choice} name="mode" value="force" chosen=${mode} choose=${setMode} title="By force" text="At once. Nothing runs any more, and nothing is undone." />
    </fieldset><//>`;
}

const Choice = ({ name, value, chosen, choose, title, text }) => html`<label class="choice">
  <input type="radio" name=${name} value=${value} checked=${chosen === value} data-first=${chosen === value ? '' : undefined} onChange=${() => choose(value)} />
  <span><strong>${title}</strong><span class="muted">${text}</span></span></label>`;

function RestartDialog({ act: send, dialog, steps, restarted, onClose }) {
  const [from, setFrom] = useState(dialog.step ?? '');
  const options = [['', 'From the beginning'], ...steps.map((step) => [step, `From ${step}`])];
  const restart = async () => {
    await send('restart', { from_step: from || null }, 'Restarted');
    restarted(); // the step that was shown may be history now
  };
  return html`<${FormDialog} title="Restart this execution?" submit="Restart" danger action=${restart} onClose=${onClose}>
    <${SelectField} label="Where" value=${from} options=${options} onInput=${setFrom} first
      hint=${from ? 'Steps that were made before it and have settled stay as they are.' : 'Every step runs again, with the same input.'} />
    <p>What is open is swept away. Signals, counters and custom state are kept.</p><//>`;
}

const dialogs = { signal: SignalDialog, pause: PauseDialog, resume: ResumeDialog, restart: RestartDialog, cancel: CancelDialog };
