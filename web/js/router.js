// Where the reader is: the fragment of the URL, as a path with a query.
import { store } from './store.js';

/** @typedef {{parts: string[], query: URLSearchParams}} Route */

/** @returns {Route} */
function read() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { parts: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

const decode = (part) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

export const route = store(read());
addEventListener('hashchange', () => route.set(read()));

/**
 * The link to a page.
 * @param {string[]} parts
 * @param {Record<string, string | string[] | null | undefined>} [query] what is empty is left out
 */
export function to(parts, query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one) params.append(name, one);
  }
  const text = params.toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

export const go = (href) => { location.hash = href; };

/** Changes where the reader is without a step in the browser's history. */
export function replace(href) {
  history.replaceState(null, '', href);
  route.set(read());
}
