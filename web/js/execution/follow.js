// One execution, followed live. Events are taken in as they come and shown once a frame.
import { useEffect, useRef, useState } from '../html.js';
import { parseExact } from '../json.js';
import { follow } from '../stream.js';
import { StepTree } from './step-tree.js';

/** At most this often is what came drawn, in milliseconds. */
const redraw = 100;

/**
 * @param {string} id
 * @returns {{execution: object | null, tree: StepTree, version: number, status: string, error: Error | null, touch: () => void, again: () => void}}
 *   version grows whenever the tree changes; again follows anew an execution that had ended
 */
export function useExecution(id) {
  const [state, setState] = useState({ execution: null, version: 0, status: 'connecting', error: null });
  const [round, setRound] = useState(0);
  const tree = useRef(null);
  tree.current ??= new StepTree();
  useEffect(() => {
    let timer = null;
    let execution = null;
    const draw = () => {
      timer = null;
      setState((was) => ({ ...was, execution: execution ?? was.execution, version: was.version + 1 }));
    };
    const stop = follow(`/v1/executions/${encodeURIComponent(id)}/events`, {
      event(name, data) {
        if (name === 'execution') execution = parseExact(data);
        else if (name === 'task') tree.current.apply(parseExact(data));
        timer ??= setTimeout(draw, execution && tree.current.tasks.size < 50 ? 0 : redraw);
      },
      status: (status, error = null) => setState((was) => ({ ...was, status, error })),
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [id, round]);
  return {
    ...state,
    tree: tree.current,
    touch: () => setState((was) => ({ ...was, version: was.version + 1 })),
    again: () => setRound((r) => r + 1),
  };
}
