// The beginning: puts the dashboard into the page.
import { App } from './app.js';
import { html, render } from './html.js';

const root = document.getElementById('app');
root.replaceChildren();
render(html`<${App} />`, root);
