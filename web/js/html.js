// What every component imports: templates, rendering and hooks. Templates make
// elements and texts, never markup, so that what users wrote stays text.
import { Fragment, h, render } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export { Fragment, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from '../vendor/preact-hooks.js';
export const html = htm.bind(h);
