// The steps of an execution as a tree of rows: beside each, either its bar on the
// time axis or its facts in words. Only rows in sight are in the page, so that
// 10,000 steps are as quick as ten.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../html.js';
import { Icon } from '../ui/icon.js';
import { duration, some } from '../format.js';
import { serverTime, useNow } from '../clock.js';
import { useAttempts } from './attempts.js';
import { Axis, axisKeys, Bar, Zoom } from './timeline.js';
import { Facts, factHeads } from './facts.js';
import { scaleOf } from './scale.js';

const rowHeight = 34; // pixels, as in steps.css
const spare = 12; // rows above and below those in sight

const kindIcons = { orchestrator: 'branch', activity: 'bolt', timer: 'clock', signal: 'signal', local: 'dot', map: 'grid' };

/** @param {{execution: object, tree: import('./step-tree.js').StepTree, version: number, view: 'timeline' | 'tree', selected: string, select: (id: string | null) => void, touch: () => void,
 *   steps: number, past: number, withPast: boolean, showPast: (yes: boolean) => void, part: string | null, zoom: (part: string | null) => void}} props
 *   past is how many more steps are history; part is what is drawn of the time axis */
export function Steps({ execution, tree, version, view, selected, select, touch, steps, past, withPast, showPast, part, zoom }) {
  const rows = useMemo(() => tree.rows(withPast), [tree, version, withPast]);
  const [first, last, scroller] = useSight(rows.length);
  const [focused, setFocused] = useState(0);
  const current = Math.min(focused, rows.length - 1);
  useNow(!execution.completed_at); // bars grow each second
  const scale = scaleOf(execution, tree, serverTime(), part);
  const shown = rows.slice(first, last);
  const attempts = useAttempts(view === 'timeline' ? shown.map((row) => row.task) : []);
  const [gutter, lane] = useWidths(scroller);
  const wanted = useRef(null); // the row to move the focus to, once it is in the page
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const element = scroller.current.querySelector(`[data-row="${wanted.current}"]`);
    if (element) {
      element.focus({ preventScroll: true });
      wanted.current = null;
    }
  });
  const revealed = useRef(null);
  useLayoutEffect(() => { // who comes by a link sees the step that it names
    const index = selected && revealed.current !== selected ? rows.findIndex((row) => row.id === selected) : -1;
    if (index < 0) return;
    revealed.current = selected;
    setFocused(index);
    reveal(scroller.current, index);
  }, [selected, rows]);
  const move = (index) => {
    const next = Math.max(0, Math.min(index, rows.length - 1));
    setFocused(next);
    wanted.current = next;
    reveal(scroller.current, next);
  };
  const open = (row, yes) => { tree.setOpen(row.id, yes); touch(); };
  const keys = (e) => handleKey(e, { rows, current, move, open, select, selected, axis: view === 'timeline' ? axisKeys(scale, rows[current]?.task) : {}, zoom });
  const all = (yes) => { tree.setAllOpen(yes); touch(); };
  return html`<div class="steps view-${view}">
    <div class="steps-bar"><p class="muted" role="status">${some(steps, 'step')}${view === 'timeline' && scale.zoomed && html`, <span class="shown">${duration(scale.to - scale.from)} in view</span>`}</p>
      <${Legend} view=${view} later=${scale.live && scale.whole[1] > scale.now} />
      <span class="steps-actions">${past > 0 && html`<button type="button" class="button small" aria-pressed=${String(withPast)} onClick=${() => showPast(!withPast)}>Earlier runs (${some(past, 'step')})</button>`}<button type="button" class="button small" onClick=${() => all(true)}>Open all</button><button type="button" class="button small" onClick=${() => all(false)}>Close all</button></span></div>
    <div class="steps-grid" role="treegrid" aria-label=${view === 'timeline' ? 'Timeline of the steps' : 'Tree of the steps'} aria-rowcount=${rows.length + 1} onKeyDown=${keys}>
      <div class="steps-head" role="row" aria-rowindex="1" style=${{ paddingRight: `${gutter}px` }}><span role="columnheader" class="step-head"><span>Step</span>${view === 'timeline' && html`<${Zoom} scale=${scale} task=${rows[current]?.task} zoom=${zoom} />`}</span>
        ${view === 'timeline' ? html`<${Axis} scale=${scale} width=${lane} zoom=${zoom} />` : factHeads()}</div>
      <div class="steps-scroll" role="rowgroup" ref=${scroller}><div class="steps-all" role="presentation" style=${{ height: `${rows.length * rowHeight}px` }}>
        ${shown.map((row, i) => html`<${StepRow} key=${row.id} row=${row} index=${first + i} focusable=${first + i === current} chosen=${row.id === selected}
          focus=${setFocused} select=${select} open=${open}>${view === 'timeline'
            ? html`<${Bar} row=${row} role=${tree.role(row.task)} attempts=${attempts.get(row.id)} scale=${scale} width=${lane} />`
            : html`<${Facts} task=${row.task} />`}<//>`)}
      </div></div>
    </div>
  </div>`;
}

function StepRow({ row, index, focusable, chosen, focus, select, open, children }) {
  const { task, depth } = row;
  const click = () => { focus(index); select(row.id); };
  return html`<div class="step-row ${chosen ? 'chosen' : ''} ${row.past ? 'past' : ''}" role="row" data-row=${index} data-step=${task.step_key} data-state=${task.state} tabindex=${focusable ? 0 : -1}
    aria-rowindex=${index + 2} aria-level=${depth + 1} aria-posinset=${row.position} aria-setsize=${row.siblings}
    aria-expanded=${row.children > 0 ? String(row.open) : undefined} aria-selected=${String(chosen)}
    style=${{ top: `${index * rowHeight}px` }} onClick=${click} onFocus=${() => focus(index)}>
    <div class="step-name" role="gridcell" style=${{ paddingLeft: `${8 + Math.min(depth, 8) * 16}px` }}>
      ${row.children > 0
        ? html`<button type="button" tabindex="-1" class="twist ${row.open ? 'open' : ''}" aria-label=${row.open ? 'Close' : 'Open'} onClick=${(e) => { e.stopPropagation(); open(row, !row.open); }}><${Icon} name="chevron" /></button>`
        : html`<span class="twist"></span>`}
      <${Icon} name=${kindIcons[task.kind] ?? 'dot'} class="kind state-${task.state}" /><span class="step-key" title=${task.step_key}>${task.step_key === 'root' ? task.name : task.step_key}</span>
      ${row.children > 0 && !row.open && html`<span class="badge">${row.children}</span>`}
      ${task.retries > 0 && html`<span class="retries" title=${some(task.retries, 'retry', 'retries')}><${Icon} name="retry" />${task.retries}</span>`}
      <span class="hidden">, ${task.kind}, ${task.state}${row.past ? ', of an earlier run' : ''}</span>
    </div>
    ${children}
  </div>`;
}

const Legend = ({ view, later }) => view === 'timeline' && html`<ul class="legend" aria-label="Legend">
  <li><span class="swatch queued"></span>in the queue</li><li><span class="swatch run"></span>running</li><li><span class="swatch wait"></span>waiting</li>
  <li><span class="swatch attempt"></span>failed attempt</li><li><span class="swatch backoff"></span>before a retry</li>
  ${later && html`<li><span class="swatch due"></span>to come</li>`}</ul>`;

/** As in every tree: arrows move, open and close; Enter shows the details, Escape hides them. Others are the axis's. */
function handleKey(e, { rows, current, move, open, select, selected, axis, zoom }) {
  const row = rows[current];
  if (!row || e.ctrlKey || e.metaKey || e.altKey) return;
  const turn = axis[e.shiftKey && e.key.startsWith('Arrow') ? `Shift${e.key}` : e.key];
  if (turn) {
    e.preventDefault();
    zoom(turn());
    return;
  }
  if (e.target.closest('.zoom')) return; // a button does what its own keys say
  const page = Math.max(1, Math.floor(e.currentTarget.clientHeight / rowHeight) - 2);
  const actions = {
    ArrowDown: () => move(current + 1),
    ArrowUp: () => move(current - 1),
    PageDown: () => move(current + page),
    PageUp: () => move(current - page),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    ArrowRight: () => (row.children > 0 && !row.open ? open(row, true) : row.open && move(current + 1)),
    ArrowLeft: () => (row.open ? open(row, false) : move(parentOf(rows, current))),
    Enter: () => select(row.id),
    ' ': () => select(row.id),
    Escape: () => selected && select(null),
  };
  if (!actions[e.key]) return;
  e.preventDefault();
  actions[e.key]();
}

function parentOf(rows, index) {
  for (let i = index - 1; i >= 0; i--) if (rows[i].depth < rows[index].depth) return i;
  return index;
}

function reveal(scroller, index) {
  const top = index * rowHeight;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + rowHeight > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + rowHeight - scroller.clientHeight;
}

/** What the scroll bar takes, and how wide bars can be. In pixels. */
function useWidths(scroller) {
  const [gutter, setGutter] = useState(0);
  const [lane, setLane] = useState(700);
  const measure = () => {
    const { offsetWidth, clientWidth } = scroller.current;
    setGutter(offsetWidth - clientWidth);
    setLane(scroller.current.querySelector('.lane')?.clientWidth || 700);
  };
  useLayoutEffect(measure);
  useEffect(() => {
    const watcher = new ResizeObserver(measure);
    watcher.observe(scroller.current);
    return () => watcher.disconnect();
  }, []);
  return [gutter, lane];
}

/** Which rows are in sight, with some to spare. */
function useSight(length) {
  const scroller = useRef(null);
  const [sight, setSight] = useState([0, 40]);
  useEffect(() => {
    const element = scroller.current;
    const look = () => {
      const top = Math.floor(element.scrollTop / rowHeight);
      const next = [Math.max(0, top - spare), top + Math.ceil(element.clientHeight / rowHeight) + spare];
      setSight((was) => (was[0] === next[0] && was[1] === next[1] ? was : next));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      watcher.disconnect();
    };
  }, []);
  return [Math.min(sight[0], length), Math.min(sight[1], length), scroller];
}
