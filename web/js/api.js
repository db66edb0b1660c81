// The client of the REST API, with the key that it may need.
import { noteServerTime } from './clock.js';
import { parseExact } from './json.js';
import { store } from './store.js';

const keyName = 'stent-api-key';

/** Whether the API has refused the key that it got, or that it got none. */
export const locked = store(false);

/** Grows with each key that is given: what was read with another one is read again. */
export const keyTurn = store(0);

const storedKey = () => {
  try {
    return sessionStorage.getItem(keyName);
  } catch {
    return memoryKey;
  }
};
let memoryKey = null; // where storage is forbidden

export function useKey(key) {
  memoryKey = key;
  try {
    sessionStorage.setItem(keyName, key);
  } catch {
    // It is kept as long as the page is.
  }
  locked.set(false);
  keyTurn.set(keyTurn.get() + 1);
}

export const hasKey = () => Boolean(storedKey());

export function forgetKey() {
  memoryKey = null;
  try {
    sessionStorage.removeItem(keyName);
  } catch {
    // There was none.
  }
  keyTurn.set(keyTurn.get() + 1);
}

/** An answer that is not a success (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The service answered ${status}.`);
    this.status = status;
    this.title = body.title || `Status ${status}`;
    this.code = body.code || '';
    this.errors = body.errors || [];
  }
}

/** What went wrong, on one line: of a refusal, what is wrong with each of its fields. */
export const told = (err) => err.errors?.map((field) => field.detail).join('; ') || err.message;

/** No answer at all. */
export class Unreachable extends Error {
  constructor() {
    super('The service does not answer. Is it running, and is this machine online?');
    this.title = 'The service cannot be reached';
    this.status = 0;
    this.errors = [];
  }
}

/** @param {Record<string, unknown>} query values; lists repeat the name, what is empty is left out */
function search(query = {}) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '') params.append(name, String(one));
    }
  }
  const text = params.toString();
  return text && `?${text}`;
}

/**
 * Sends a request and gives the answer. Errors: Problem, Unreachable, AbortError.
 * @param {string} path
 * @param {{method?: string, query?: object, body?: unknown, text?: string, headers?: object, signal?: AbortSignal}} [options]
 *   text is a body that is JSON already
 */
export async function open(path, { method = 'GET', query, body, text, headers, signal } = {}) {
  const sent = { Accept: 'application/json', ...headers };
  const key = storedKey();
  if (key) sent.Authorization = `Bearer ${key}`;
  const payload = text ?? (body === undefined ? undefined : JSON.stringify(body));
  if (payload !== undefined) sent['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path + search(query), { method, body: payload, headers: sent, signal, cache: 'no-store', credentials: 'same-origin' });
  } catch (err) {
    if (err.name === 'AbortError') throw err;
    throw new Unreachable();
  }
  noteServerTime(answer.headers.get('Date'));
  if (answer.ok) return answer;
  if (answer.status === 401 && key === storedKey()) locked.set(true);
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

/** The decoded answer; null when it has no body. */
async function call(path, options) {
  const text = await (await open(path, options)).text();
  return text === '' ? null : parseExact(text);
}

export const get = (path, query, signal) => call(path, { query, signal });
export const post = (path, body, options) => call(path, { method: 'POST', body, ...options });
export const remove = (path) => call(path, { method: 'DELETE' });

/** A path of the API, its parts escaped. */
export const at = (...parts) => `/v1/${parts.map(encodeURIComponent).join('/')}`;
