// Icons, drawn with lines on a grid of 24.
import { html } from '../html.js';

const paths = {
  overview: 'M4 4h7v7H4zM13 4h7v4h-7zM13 10h7v10h-7zM4 13h7v7H4z',
  executions: 'M4 6h10M4 12h16M4 18h7',
  letter: 'M3 6h18v12H3zM3 7l9 6 9-6',
  queue: 'M4 7h16M4 12h16M4 17h16M8 5v4M8 10v4M8 15v4',
  function: 'M9 20c-3 0-2-8 0-12s4-5 6-3M6 11h9',
  worker: 'M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01',
  check: 'M5 12.5l4.5 4.5L19 7',
  cross: 'M6 6l12 12M18 6L6 18',
  play: 'M8 5l11 7-11 7z',
  pause: 'M9 5v14M15 5v14',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2',
  hourglass: 'M7 3h10M7 21h10M8 3c0 5 8 7 8 12v6M16 3c0 5-8 7-8 12v6',
  circle: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z',
  spinner: 'M12 3a9 9 0 1 1-9 9',
  ban: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM6 6l12 12',
  warning: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  signal: 'M4 12h3l3-7 4 14 3-7h3',
  bolt: 'M13 3L5 14h6l-1 7 8-11h-6z',
  branch: 'M7 4v16M7 9h6a4 4 0 0 1 4 4v3M14 14l3 3 3-3',
  grid: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z',
  dot: 'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5',
  moon: 'M20 14A8.5 8.5 0 0 1 10 4a8.5 8.5 0 1 0 10 10z',
  system: 'M4 5h16v11H4zM9 20h6M12 16v4',
  retry: 'M4 12a8 8 0 1 1 2.5 5.8M4 19v-5h5',
  chevron: 'M9 6l6 6-6 6',
  minus: 'M5 12h14',
  whole: 'M4 5v14M20 5v14M8 12h8M10 9l-3 3 3 3M14 9l3 3-3 3',
  plus: 'M12 5v14M5 12h14',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  key: 'M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12l8-8M15 8l3 3',
  book: 'M5 4h9a4 4 0 0 1 4 4v12H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h10',
  back: 'M15 6l-6 6 6 6',
};

/** @param {{name: keyof typeof paths, class?: string}} props it says nothing by itself: text stands beside it */
export const Icon = ({ name, class: extra = '' }) => html`
  <svg class="icon ${extra}" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${paths[name]} /></svg>`;
