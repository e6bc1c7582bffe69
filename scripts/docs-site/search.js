// Finds headings that have all words that were typed. `headings` stands before this text: [page, heading, link from the root of the site].
{
  const root = new URL('.', document.currentScript.src);
  const box = document.querySelector('.search');
  const input = box.querySelector('input');
  const count = box.querySelector('.count');
  const list = box.querySelector('.results');
  const most = 12;
  const texts = headings.map(([page, heading]) => `${page} ${heading}`.toLowerCase());

  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length === 0 ? [] : headings.filter((_, i) => words.every((word) => texts[i].includes(word)));
    // What begins with the first word comes first.
    const rank = ([, heading]) => (heading.toLowerCase().startsWith(words[0]) ? 0 : 1);
    const shown = [...found].sort((a, b) => rank(a) - rank(b)).slice(0, most);
    list.replaceChildren(
      ...shown.map(([page, heading, path]) => {
        const item = document.createElement('li');
        const link = document.createElement('a');
        link.href = new URL(path, root).href;
        link.textContent = heading;
        const where = document.createElement('span');
        where.textContent = page === heading ? '' : ` ${page}`;
        link.append(where);
        item.append(link);
        return item;
      }),
    );
    count.textContent =
      words.length === 0 ? '' : `${found.length} found${found.length > most ? `, ${most} shown` : ''}`;
    box.classList.toggle('open', words.length > 0);
  };
  const close = () => {
    input.value = '';
    show();
  };

  input.addEventListener('input', show);
  list.addEventListener('click', close);
  box.addEventListener('keydown', (event) => {
    const links = [...list.querySelectorAll('a')];
    const at = links.indexOf(document.activeElement);
    if (event.key === 'Escape') {
      close();
      input.focus();
    } else if (event.key === 'ArrowDown') (links[at + 1] ?? links[at])?.focus();
    else if (event.key === 'ArrowUp') (at <= 0 ? input : links[at - 1]).focus();
    else if (event.key === 'Enter' && at === -1) links[0]?.click();
    else return;
    event.preventDefault();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || document.activeElement === input) return;
    event.preventDefault();
    input.focus();
  });
  box.hidden = false;
}
