// The failed attempts of tasks, which the stream does not tell: read when they are to be drawn.
import { at, get } from '../api.js';
import { useEffect, useRef, useState } from '../html.js';

const together = 6; // requests at once

/**
 * @param {object[]} tasks that are in sight
 * @returns {Map<string, object[]>} attempts by task id, of those that had any
 */
export function useAttempts(tasks) {
  const known = useRef(new Map()); // id → {retries, state, attempts}
  const busy = useRef(new Set());
  const [, setTurn] = useState(0);
  const wanted = tasks.filter((task) => isRetried(task) && !isCurrent(known.current.get(task.id), task) && !busy.current.has(task.id));
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => { alive.current = false; };
  }, []);
  useEffect(() => {
    for (const task of wanted.slice(0, Math.max(0, together - busy.current.size))) {
      busy.current.add(task.id);
      get(at('tasks', task.id))
        .then((read) => known.current.set(task.id, { retries: task.retries, state: task.state, attempts: read.attempts ?? [] }),
          () => known.current.set(task.id, { retries: task.retries, state: task.state, attempts: [] }))
        .finally(() => {
          busy.current.delete(task.id);
          if (alive.current) setTurn((turn) => turn + 1);
        });
    }
  });
  return new Map([...known.current].map(([id, k]) => [id, k.attempts]));
}

const isRetried = (task) => task.kind === 'activity' && (task.retries > 0 || (task.state === 'failed' && task.attempt > 0));
const isCurrent = (known, task) => known && known.retries === task.retries && known.state === task.state;
