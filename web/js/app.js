// The frame around the pages: navigation, theme, key, and which page is shown.
import { forgetKey, get, hasKey, keyTurn, locked } from './api.js';
import { count } from './format.js';
import { html, useEffect, useRef } from './html.js';
import { connection, startLive, useChanges } from './live.js';
import { useInterval, useResource } from './resource.js';
import { route, to } from './router.js';
import { useStore } from './store.js';
import { setTheme, theme } from './theme.js';
import { Icon } from './ui/icon.js';
import { Empty } from './ui/notice.js';
import { Toasts } from './ui/toast.js';
import { KeyForm } from './key-form.js';
import { DeadLetters } from './pages/dead-letters.js';
import { Execution } from './pages/execution.js';
import { Executions } from './pages/executions.js';
import { Functions } from './pages/functions.js';
import { Overview } from './pages/overview.js';
import { Queues } from './pages/queues.js';
import { Workers } from './pages/workers.js';

const pages = [
  { name: 'overview', title: 'Overview', icon: 'overview', page: Overview },
  { name: 'executions', title: 'Executions', icon: 'executions', page: Executions },
  { name: 'dead-letters', title: 'Dead letters', icon: 'letter', page: DeadLetters },
  { name: 'queues', title: 'Queues', icon: 'queue', page: Queues },
  { name: 'functions', title: 'Functions', icon: 'function', page: Functions },
  { name: 'workers', title: 'Workers', icon: 'worker', page: Workers },
];

export function App() {
  const isLocked = useStore(locked);
  const turn = useStore(keyTurn);
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    ${isLocked ? html`<${KeyForm} refused=${hasKey()} />` : html`<${Shell} key=${turn} />`}
    <${Toasts} />`;
}

function skip(e) {
  e.preventDefault(); // the fragment is the router's
  document.getElementById('main')?.focus();
}

function Shell() {
  const { parts, query } = useStore(route);
  useEffect(startLive, []);
  const name = parts[0] ?? 'overview';
  const page = pages.find((p) => p.name === name);
  const main = useRef(null);
  const place = parts.slice(0, 2).join('/');
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current === place) return;
    shown.current = place;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true }); // a screen reader begins with the new page
  }, [place]);
  useEffect(() => { document.title = page ? `${page.title} · Stent` : 'Stent'; }, [page, place]);
  return html`<div class="shell">
    <header class="side">
      <a class="brand" href="#/overview"><img src="/dashboard/css/icon.svg" alt="" width="28" height="28" /><span>Stent</span></a>
      <${Navigation} current=${name} />
      <div class="side-end"><${Reference} /><${Connection} /><${ThemeSwitch} />
        ${hasKey() && html`<button type="button" class="side-link" title="Forget the key" onClick=${forgetKey}><${Icon} name="key" /><span>Forget the key</span></button>`}</div>
    </header>
    <main id="main" tabindex="-1" ref=${main}>
      ${pageOf(page, name, parts, query)}
    </main>
  </div>`;
}

function pageOf(page, name, parts, query) {
  if (name === 'executions' && parts[1]) return html`<${Execution} key=${parts[1]} id=${parts[1]} query=${query} />`;
  if (!page) return html`<${Empty} icon="search" title="There is no such page"><p><a href="#/overview">To the overview</a></p><//>`;
  return html`<${page.page} id=${parts[1]} query=${query} />`;
}

/** The number of dead letters stands beside their page. */
function Navigation({ current }) {
  const letters = useResource((signal) => get('/v1/stats', {}, signal).then((s) => s.dead_letters), []);
  useChanges(() => letters.reload(), 5000);
  useInterval(letters.reload, 30_000);
  return html`<nav aria-label="Pages"><ul>${pages.map((p) => html`<li>
    <a href=${to([p.name])} aria-current=${current === p.name ? 'page' : undefined}>
      <${Icon} name=${p.icon} /><span class="nav-title">${p.title}</span>
      ${p.name === 'dead-letters' && letters.data > 0 && html`<span class="badge">${count(letters.data)}<span class="hidden"> waiting</span></span>`}
    </a></li>`)}</ul></nav>`;
}

/** It has a tab of its own, so that what is followed here stays in sight. */
const Reference = () => html`<a class="side-link" href="/docs" target="_blank" rel="noopener" title="REST reference">
  <${Icon} name="book" /><span>REST reference<span class="hidden"> (opens a new tab)</span></span></a>`;

const connectionTexts = {
  connecting: ['Connecting', 'idle'], live: ['Live', 'good'], reconnecting: ['Reconnecting', 'warn'], ended: ['Offline', 'idle'], failed: ['Offline', 'bad'],
};

function Connection() {
  const [text, tone] = connectionTexts[useStore(connection)];
  return html`<p class="connection tone-${tone}" role="status"><span class="pulse" aria-hidden="true"></span>${text}</p>`;
}

const themes = [['light', 'sun', 'Light'], ['system', 'system', 'As the system'], ['dark', 'moon', 'Dark']];

function ThemeSwitch() {
  const chosen = useStore(theme);
  return html`<div class="themes" role="group" aria-label="Theme">${themes.map(([name, icon, title]) => html`
    <button type="button" aria-pressed=${chosen === name ? 'true' : 'false'} aria-label=${title} title=${title} onClick=${() => setTheme(name)}><${Icon} name=${icon} /></button>`)}</div>`;
}
