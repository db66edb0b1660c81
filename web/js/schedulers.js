// Which schedulers still matter: those that are gone are listed for a day.
import { serverTime } from './clock.js';
import { ms } from './format.js';

/** How long one that went silent is news, in milliseconds. */
const news = 3_600_000;

export const lives = (s) => s.state !== 'stopped' && s.state !== 'expired';
export const matters = (s) => lives(s) || (s.state === 'expired' && serverTime() - ms(s.last_seen_at) < news);
