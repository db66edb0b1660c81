// Times, durations and numbers for people.

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * @param {number} ms
 * @returns {string} such as "340 ms", "4.2 s", "3 m 20 s", "2 d 4 h"
 */
export function duration(ms) {
  if (ms < 0) ms = 0;
  if (ms < 1) return ms === 0 ? '0 ms' : '<1 ms';
  if (ms < second) return `${Math.round(ms)} ms`;
  if (ms < 10 * second) return `${(ms / second).toFixed(1)} s`;
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return two(ms, minute, 'm', second, 's');
  if (ms < day) return two(ms, hour, 'h', minute, 'm');
  return two(ms, day, 'd', hour, 'h');
}

function two(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ''}`;
}

/** One unit, rounded down: "12 s", "3 m", "5 h". */
export function rough(ms) {
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} m`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} d`;
}

/** How long ago, roughly, or in how long. */
export function relative(at, now) {
  const ms = now - at;
  if (Math.abs(ms) < 2 * second) return 'just now';
  return ms > 0 ? `${rough(ms)} ago` : `in ${duration(-ms)}`;
}

const absoluteFormat = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
  fractionalSecondDigits: 3, timeZoneName: 'short',
});

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const dayFormat = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/** The time of day, with the day unless that is today. @param {string} time RFC 3339 */
export function clock(time) {
  const at = new Date(time);
  const today = at.toDateString() === new Date().toDateString();
  return `${today ? '' : `${dayFormat.format(at)}, `}${clockFormat.format(at)}`;
}

/** @param {string} time RFC 3339 */
export const absolute = (time) => absoluteFormat.format(new Date(time));

const numberFormat = new Intl.NumberFormat();
export const count = (n) => numberFormat.format(n);

/** Milliseconds of an RFC 3339 time; null for null. Microseconds stay, as fractions. */
export function ms(time) {
  if (!time) return null;
  const fraction = /\.\d{3}(\d{3})Z$/.exec(time);
  return Date.parse(time) + (fraction ? Number(fraction[1]) / 1000 : 0);
}

/** A plural as English has most of them. */
export const some = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
