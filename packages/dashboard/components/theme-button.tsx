'use client';
import { useEffect, useState } from 'react';

export function toggleTheme(): void {
  const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  localStorage.setItem('theme', next);
  dispatchEvent(new Event('themechange'));
}

/** 'light' until the page has hydrated. */
export function useTheme(): 'light' | 'dark' {
  const [theme, setTheme] = useState<'light' | 'dark'>('light');
  useEffect(() => {
    const read = () => setTheme(document.documentElement.dataset.theme === 'dark' ? 'dark' : 'light');
    read();
    addEventListener('themechange', read);
    return () => removeEventListener('themechange', read);
  }, []);
  return theme;
}

export function ThemeButton() {
  const theme = useTheme();
  return (
    <button
      type="button"
      onClick={toggleTheme}
      className="grid size-9 shrink-0 place-items-center rounded-md border border-line hover:bg-raised"
      aria-label={theme === 'dark' ? 'Use the light theme' : 'Use the dark theme'}
      title="Light or dark"
    >
      <span aria-hidden="true">{theme === 'dark' ? '☀' : '☾'}</span>
    </button>
  );
}
