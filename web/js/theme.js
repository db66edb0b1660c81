// Light, dark, or as the system has it.
import { store } from './store.js';

const name = 'stent-theme';
export const theme = store(document.documentElement.dataset.theme ?? 'system');

export function setTheme(next) {
  const root = document.documentElement;
  if (next === 'system') delete root.dataset.theme;
  else root.dataset.theme = next;
  try {
    localStorage.setItem(name, next);
  } catch {
    // It holds until the page is left.
  }
  theme.set(next);
}
