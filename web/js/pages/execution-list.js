// The state of the list of executions. Rows change in place; new ones come in at
// the top only while the reader is there, and otherwise wait behind a button.
import { get } from '../api.js';
import { useEffect, useRef, useState } from '../html.js';
import { useChanges } from '../live.js';
import { at } from '../api.js';

const part = 50; // items read at once
const singly = 20; // rows further down that are read again one by one, at most
const empty = { items: null, cursor: null, error: null, loading: true, loadingMore: false, waiting: [], gap: false };

/**
 * @param {() => object} filter gives the query of the API, as of now
 * @param {string} name of the filter: another one is another list
 */
export function useExecutionList(filter, name) {
  const [state, setState] = useState(empty);
  const turn = useRef(0);
  const latest = useRef(state);
  latest.current = state;

  const read = async () => {
    const mine = ++turn.current;
    try {
      const { items, next_cursor } = await get('/v1/executions', { ...filter(), limit: part });
      if (mine === turn.current) setState({ ...empty, items, cursor: next_cursor, loading: false });
    } catch (error) {
      if (mine === turn.current) setState((was) => ({ ...was, error, loading: false }));
    }
  };
  const loadMore = async () => {
    const mine = turn.current;
    setState((was) => ({ ...was, loadingMore: true }));
    try {
      const { items, next_cursor } = await get('/v1/executions', { ...filter(), limit: part, cursor: latest.current.cursor });
      if (mine === turn.current) setState((was) => ({ ...was, items: [...was.items, ...items], cursor: next_cursor, loadingMore: false }));
    } catch (error) {
      if (mine === turn.current) setState((was) => ({ ...was, error, loadingMore: false }));
    }
  };
  const refresh = async (ids) => {
    const { items } = latest.current;
    if (!items) return;
    const mine = turn.current;
    try {
      const first = await get('/v1/executions', { ...filter(), limit: part });
      const seen = new Set(first.items.map((e) => e.id));
      // What is not in the first part any more has moved down, or matches no more.
      const others = items.filter((e) => ids.has(e.id) && !seen.has(e.id)).slice(0, singly);
      const again = await Promise.all(others.map((e) => get(at('executions', e.id)).catch(() => e)));
      if (mine === turn.current) setState((was) => merge(was, first, again));
    } catch (error) {
      if (mine === turn.current) setState((was) => ({ ...was, error }));
    }
  };
  useEffect(() => {
    setState(empty);
    read();
    return () => { turn.current++; };
  }, [name]);
  useChanges((ids) => refresh(ids));

  return {
    ...state,
    more: state.cursor !== null,
    fresh: state.waiting.length,
    reload: read,
    loadMore,
    show() {
      if (state.gap) return read();
      setState((was) => ({ ...was, items: [...was.waiting, ...was.items], waiting: [] }));
      return scrollTo({ top: 0 });
    },
  };
}

/** Takes what was read again into the list. */
function merge(was, first, again) {
  const newest = new Map([...first.items, ...again].map((e) => [e.id, e]));
  const known = new Set(was.items.map((e) => e.id));
  const fresh = first.items.filter((e) => !known.has(e.id));
  const items = was.items.map((e) => newest.get(e.id) ?? e);
  const reading = scrollY > 80 || document.querySelector('dialog[open]') || document.activeElement?.closest('tbody');
  const cursor = was.items.length === 0 ? first.next_cursor : was.cursor;
  // More came than were read: between them and the list some would be missing.
  const gap = known.size > 0 && fresh.length === first.items.length && fresh.length > 0;
  if (reading) return { ...was, items, error: null, waiting: fresh, gap, cursor };
  if (gap) return { ...empty, items: first.items, cursor: first.next_cursor, loading: false };
  return { ...was, items: [...fresh, ...items], error: null, waiting: [], cursor };
}
