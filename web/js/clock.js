// The time as it goes on, shared by all that shows it.
import { useEffect, useState } from './html.js';

/** Less than this is no difference: a time of HTTP has seconds only. In milliseconds. */
const tolerance = 3000;
let skew = 0;

/** Takes the service's time, by which all its times are. @param {string | null} date as of HTTP */
export function noteServerTime(date) {
  const ahead = Date.parse(date ?? '') - Date.now();
  if (!Number.isNaN(ahead)) skew = Math.abs(ahead) > tolerance ? ahead : 0;
}

/** Now, as the service's clock has it. In milliseconds. */
export const serverTime = () => Date.now() + skew;

const watchers = new Set();
let timer = null;

function tick() {
  const now = serverTime();
  for (const watcher of [...watchers]) watcher(now);
}

/** Now, in milliseconds, each second anew; while `running` is false it stands still. */
export function useNow(running = true) {
  const [now, setNow] = useState(serverTime);
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
