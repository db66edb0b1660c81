// What a page reads from the API, and reads again.
import { useCallback, useEffect, useRef, useState } from './html.js';

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {unknown[]} deps what the load depends on; another thing is loaded when they change
 * @returns {{data: T | undefined, error: Error | null, loading: boolean, reload: () => Promise<void>}}
 *   data stays while the same thing is loaded again
 */
export function useResource(load, deps) {
  const [state, setState] = useState({ data: undefined, error: null, loading: true });
  const current = useRef(null);
  const run = useCallback(async () => {
    current.current?.abort();
    const attempt = new AbortController();
    current.current = attempt;
    try {
      const data = await load(attempt.signal);
      if (!attempt.signal.aborted) setState({ data, error: null, loading: false });
    } catch (error) {
      if (!attempt.signal.aborted) setState((was) => ({ data: was.data, error, loading: false }));
    }
  }, deps);
  useEffect(() => {
    setState({ data: undefined, error: null, loading: true });
    run();
    return () => current.current?.abort();
  }, [run]);
  return { ...state, reload: run };
}

/** Calls back every so many milliseconds while the page is visible. */
export function useInterval(callback, every) {
  const latest = useRef(callback);
  latest.current = callback;
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) latest.current(); }, every);
    return () => clearInterval(timer);
  }, [every]);
}
