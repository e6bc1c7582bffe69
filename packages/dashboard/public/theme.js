// Before the first paint, so that the page never flashes in the wrong theme.
{
  const stored = localStorage.getItem('theme');
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = stored ?? (dark ? 'dark' : 'light');
}
