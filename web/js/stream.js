// Server-Sent Events over fetch: unlike EventSource it can send the API's key.
import { open } from './api.js';

const firstDelay = 500; // milliseconds
const longestDelay = 15_000;
const asleep = 10_000; // a page that nobody sees for so long gives its connection back: browsers have six for a service
const silence = 45_000; // three comments of the service have not come: the connection is dead

/** @typedef {'connecting' | 'live' | 'reconnecting' | 'ended' | 'failed'} StreamStatus */

/**
 * Follows a stream until it ends, the answer says that there is no use in coming
 * back, or `stop` is called. A stream that is cut is taken up where it was.
 * @param {string} path
 * @param {{event: (name: string, data: string) => void, status?: (s: StreamStatus, err?: Error) => void}} listener
 * @returns {() => void} stop
 */
export function follow(path, { event, status = () => {} }) {
  const stopped = new AbortController();
  run(path, event, status, stopped.signal);
  return () => stopped.abort();
}

async function run(path, event, status, stop) {
  let last = '';
  let failures = 0;
  status('connecting');
  while (!stop.aborted) {
    await visible(stop);
    const attempt = new AbortController();
    const abort = () => attempt.abort();
    stop.addEventListener('abort', abort);
    const wake = abortUnseen(abort);
    try {
      const headers = { Accept: 'text/event-stream' };
      if (last) headers['Last-Event-ID'] = last;
      const answer = await open(path, { headers, signal: attempt.signal });
      if (stop.aborted) return;
      failures = 0;
      status('live');
      for await (const message of messages(answer.body, abort)) {
        if (stop.aborted) return;
        if (message.id) last = message.id;
        if (message.event === 'end') {
          status('ended');
          return;
        }
        event(message.event, message.data);
      }
    } catch (err) {
      if (stop.aborted) return;
      if (err.status >= 400 && err.status < 500 && err.status !== 429) {
        status('failed', err);
        return;
      }
    } finally {
      wake();
      stop.removeEventListener('abort', abort);
    }
    if (stop.aborted) return;
    status('reconnecting');
    await pause(Math.min(firstDelay * 2 ** failures++, longestDelay), stop);
  }
}

/** Waits until the page is seen. */
function visible(stop) {
  if (!document.hidden) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      if (document.hidden && !stop.aborted) return;
      document.removeEventListener('visibilitychange', done);
      resolve();
    };
    document.addEventListener('visibilitychange', done);
    stop.addEventListener('abort', done, { once: true });
  });
}

/** Aborts once the page has not been seen for a while; gives what ends that. */
function abortUnseen(abort) {
  let timer = null;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(abort, asleep);
  };
  document.addEventListener('visibilitychange', look);
  look();
  return () => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', look);
  };
}

/** Waits, between half the delay and the whole, so that many clients do not come at once. */
function pause(delay, stop) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delay * (0.5 + Math.random() / 2));
    stop.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

/** The messages of a body, as the HTML standard parses them (section 9.2.6). */
async function* messages(body, abort) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let message = { event: 'message', data: [], id: '' };
  for (;;) {
    const timer = setTimeout(abort, silence);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (message.data.length > 0) yield { ...message, data: message.data.join('\n') };
        message = { event: 'message', data: [], id: '' };
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const text = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
      if (name === 'data') message.data.push(text);
      else if (name === 'event' || name === 'id') message[name] = text;
    }
  }
}
