// Runs before the first paint, so that a chosen theme does not flash: a classic
// script, since modules run later.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem('stent-theme');
  } catch {
    // Storage is forbidden: the system's theme it is.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
