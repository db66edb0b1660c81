// The time as it goes on, shared by all that shows it.
import { useEffect, useState } from './html.js';

const watchers = new Set();
let timer = null;

function tick() {
  const now = Date.now();
  for (const watcher of [...watchers]) watcher(now);
}

/** Now, in milliseconds, each second anew; while `running` is false it stands still. */
export function useNow(running = true) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!running) return undefined;
    watchers.add(setNow);
    timer ??= setInterval(tick, 1000);
    return () => {
      watchers.delete(setNow);
      if (watchers.size === 0) {
        clearInterval(timer);
        timer = null;
      }
    };
  }, [running]);
  return now;
}
