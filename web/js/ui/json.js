// A JSON value, readable.
import { html, useState } from '../html.js';
import { pretty } from '../json.js';
import { Copy } from './copy.js';

const shownAtOnce = 20_000; // characters
const tokens = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|(-?\d[\d.eE+-]*)/g;

/** The text as pieces with classes. */
function* pieces(text) {
  let end = 0;
  for (const match of text.matchAll(tokens)) {
    if (match.index > end) yield text.slice(end, match.index);
    const kind = match[1] ? (match[2] ? 'key' : 'text') : 'value';
    yield html`<span class="json-${kind}">${match[1] ?? match[0]}</span>`;
    if (match[1] && match[2]) yield match[2];
    end = match.index + match[0].length;
  }
  if (end < text.length) yield text.slice(end);
}

/** @param {{value: unknown, label: string}} props */
export function Json({ value, label }) {
  const [all, setAll] = useState(false);
  const text = pretty(value) ?? 'null';
  const long = text.length > shownAtOnce && !all;
  return html`<div class="json">
    <pre tabindex="0" role="region" aria-label=${label}>${text.length > shownAtOnce ? (long ? text.slice(0, shownAtOnce) : text) : [...pieces(text)]}</pre>
    <${Copy} text=${text} what=${label} />
    ${long && html`<button type="button" class="button small" onClick=${() => setAll(true)}>Show all ${text.length.toLocaleString()} characters</button>`}
  </div>`;
}

/** A failure with its details. */
export const Failure = ({ error }) => html`<div class="failure">
  <p class="failure-head"><code class="tone-bad">${error.type}</code></p><p class="failure-message">${error.message}</p>
  ${error.details !== undefined && error.details !== null && html`<${Json} value=${error.details} label="details of the error" />`}
</div>`;
