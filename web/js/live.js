// Which executions change, told by one stream for the whole page.
import { follow } from './stream.js';
import { store } from './store.js';
import { useEffect, useRef } from './html.js';

/** How the stream stands. */
export const connection = store('connecting');

const listeners = new Set();

/** Begins to listen; gives what ends it. */
export function startLive() {
  return follow('/v1/events', {
    event(name, data) {
      if (name !== 'changed') return;
      const { executions, many = false } = JSON.parse(data);
      for (const listener of [...listeners]) listener(new Set(executions), many);
    },
    status(status) {
      const was = connection.get();
      connection.set(status);
      // What changed meanwhile was not told.
      if (status === 'live' && was === 'reconnecting') for (const listener of [...listeners]) listener(new Set(), true);
    },
  });
}

/**
 * Calls back with the ids of executions that changed since the last call; calls
 * are `every` milliseconds apart at least.
 * @param {(ids: Set<string>, many: boolean) => void} callback
 */
export function useChanges(callback, every = 1000) {
  const latest = useRef(callback);
  latest.current = callback;
  useEffect(() => {
    let ids = new Set();
    let many = false;
    let timer = null;
    const listener = (more, anything) => {
      for (const id of more) ids.add(id);
      many ||= anything;
      timer ??= setTimeout(() => {
        timer = null;
        const told = ids;
        const any = many;
        ids = new Set();
        many = false;
        latest.current(told, any);
      }, every);
    };
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      clearTimeout(timer);
    };
  }, [every]);
}
