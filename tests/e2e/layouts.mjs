// Pages of different layouts, made from words that belong and words that do not. Imported by reading.test.mjs.
// Each word of the content is its own marker (`w12x3`), so that lost, glued and foreign words can be counted.

const COUNT = { sentences: 12, words: 14 };

/** @returns {{name: string, html: string, words: string[], noise: string[]}[]} */
export function layouts() {
  return Object.entries(BODIES).flatMap(([name, body]) => FRAMES.map(([frame, around]) => build(`${name}, ${frame}`, body, around)));
}

function build(name, body, around) {
  const words = [];
  const noise = [];
  let next = 0;
  const fresh = (list, prefix) => {
    next += 1;
    const word = `${prefix}${next}`;
    list.push(word);
    return word;
  };
  const text = (count = COUNT.words) => Array.from({ length: count }, () => fresh(words, 'w')).join(' ');
  const sentence = () => `${text(5)}, ${text(COUNT.words - 5)}.`;
  const paragraph = () => `${sentence()} ${sentence()} ${sentence()}`;
  const foreign = (count = 3) => Array.from({ length: count }, () => fresh(noise, 'n')).join(' ');
  const { style = '', html, lang = 'en', dir = 'ltr' } = body({ text, sentence, paragraph, foreign });
  const page = around({ foreign, content: html });
  return { name, words, noise, html: `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8"><title>${name}</title><style>${style}${page.style}</style></head><body>${page.html}</body></html>` };
}

const repeat = (count, make) => Array.from({ length: count }, (_unused, i) => make(i)).join('');

/** How a site stands around its content. */
const FRAMES = [
  ['plain', ({ content }) => ({ style: '', html: `<main>${content}</main>` })],
  [
    'a site around it',
    ({ foreign, content }) => ({
      style: '.cols{display:grid;grid-template-columns:2fr 1fr;gap:20px}.cookie{position:fixed;bottom:0;inset-inline:0;background:#fff}.skip{position:absolute;left:-9999px}',
      html: `<a class="skip" href="#c">${foreign()}</a><header><nav><ul>${repeat(5, () => `<li><a href="#">${foreign(1)}</a></li>`)}</ul></nav></header>
        <div class="cols"><main id="c">${content}</main><aside class="sidebar"><h2>${foreign()}</h2><ul>${repeat(6, () => `<li><a href="#">${foreign()}</a></li>`)}</ul></aside></div>
        <footer><p>${foreign(8)}</p></footer><div class="cookie" role="dialog"><p>${foreign(6)}</p><button>${foreign(1)}</button></div><div hidden>${foreign(9)}</div>`,
    }),
  ],
];

const BODIES = {
  news: ({ text, paragraph }) => ({ html: `<article><h1>${text(6)}</h1>${repeat(6, () => `<p>${paragraph()}</p>`)}</article>` }),
  'news with figures': ({ text, paragraph }) => ({ html: `<article><h1>${text(6)}</h1>${repeat(4, () => `<p>${paragraph()}</p><figure><img alt="" width="10" height="10"><figcaption>${text(6)}</figcaption></figure>`)}</article>` }),
  docs: ({ text, paragraph }) => ({ html: `<article><h1>${text(4)}</h1>${repeat(4, () => `<h2>${text(3)}</h2><p>${paragraph()}</p><pre><code>${text(5)}\n${text(4)}</code></pre>`)}</article>` }),
  shop: ({ text, sentence }) => ({ style: '.spec{display:flex;gap:10px}', html: `<h1>${text(4)}</h1><p>${sentence()}</p>${repeat(8, () => `<div class="spec"><span>${text(1)}</span><span>${text(2)}</span></div>`)}<p>${sentence()}</p>` }),
  'shop grid': ({ text }) => ({ style: '.g{display:grid;grid-template-columns:repeat(3,1fr);gap:12px}.c{display:block}', html: `<h1>${text(3)}</h1><div class="g">${repeat(9, () => `<div class="card"><span class="c">${text(3)}</span><span class="c">${text(1)}</span></div>`)}</div>` }),
  forum: ({ text, paragraph }) => ({ html: `<h1>${text(6)}</h1>${repeat(8, () => `<div class="post"><div class="author">${text(1)}</div><div class="body">${paragraph()}</div></div>`)}` }),
  tables: ({ text, paragraph }) => ({ html: `<article><h1>${text(4)}</h1><p>${paragraph()}</p>${repeat(3, () => `<table><tr>${repeat(3, () => `<th>${text(1)}</th>`)}</tr>${repeat(6, () => `<tr>${repeat(3, () => `<td>${text(2)}</td>`)}</tr>`)}</table>`)}<p>${paragraph()}</p></article>` }),
  'aria table': ({ text, paragraph }) => ({ style: '[role=row]{display:flex}[role=cell]{flex:1}', html: `<article><h1>${text(4)}</h1><p>${paragraph()}</p><div role="table">${repeat(8, () => `<div role="row">${repeat(3, () => `<div role="cell">${text(2)}</div>`)}</div>`)}</div><p>${paragraph()}</p></article>` }),
  'right to left': ({ text, paragraph }) => ({ lang: 'ar', dir: 'rtl', html: `<article><h1>${text(5)}</h1>${repeat(5, () => `<p>${paragraph()}</p>`)}</article>` }),
  'nested lists': ({ text, sentence }) => ({ html: `<article><h1>${text(4)}</h1><p>${sentence()}</p><ol>${repeat(5, () => `<li>${sentence()}<ul>${repeat(3, () => `<li>${text(6)}</li>`)}</ul></li>`)}</ol></article>` }),
  definitions: ({ text, sentence }) => ({ html: `<article><h1>${text(4)}</h1><p>${sentence()}</p><dl>${repeat(10, () => `<dt>${text(2)}</dt><dd>${sentence()}</dd>`)}</dl></article>` }),
  'two columns': ({ text, paragraph }) => ({ style: '.t{columns:2}', html: `<article class="t"><h1>${text(4)}</h1>${repeat(6, () => `<p>${paragraph()}</p>`)}</article>` }),
  'flex columns': ({ text, paragraph }) => ({ style: '.f{display:flex;gap:20px}.f>div{flex:1}', html: `<h1>${text(4)}</h1><div class="f">${repeat(2, () => `<div>${repeat(3, () => `<p>${paragraph()}</p>`)}</div>`)}</div>` }),
  'text in divs': ({ text, paragraph }) => ({ html: `<div><div class="big">${text(5)}</div>${repeat(6, () => `<div>${paragraph()}</div>`)}</div>` }),
  'lines with br': ({ text, sentence }) => ({ html: `<h1>${text(4)}</h1><div>${repeat(14, () => `${sentence()}<br><br>`)}</div>` }),
  'questions and answers': ({ text, sentence }) => ({ html: `<h1>${text(4)}</h1>${repeat(7, () => `<details><summary>${text(6)}</summary><p>${sentence()}</p></details>`)}` }),
  accordions: ({ text, sentence }) => ({ html: `<h1>${text(4)}</h1>${repeat(7, () => `<h3><button aria-expanded="false">${text(6)}</button></h3><div hidden><p>${sentence()}</p></div>`)}` }),
  'a scrolling app': ({ text, paragraph }) => ({ style: 'html,body{height:100%;margin:0;overflow:hidden}.app{height:100vh;overflow:auto}', html: `<div class="app"><h1>${text(4)}</h1>${repeat(12, () => `<p>${paragraph()}</p>`)}</div>` }),
  'web components': ({ text, paragraph }) => ({ html: `<article><h1>${text(4)}</h1>${repeat(5, () => `<p>${paragraph()}</p><x-box><p>${text(8)}</p></x-box>`)}<p>${paragraph()}</p></article><script>for (const box of document.querySelectorAll('x-box')) box.attachShadow({ mode: 'open' }).append(...box.childNodes)</script>` }),
  'a product in sections': ({ text, sentence, paragraph, foreign }) => ({
    style: '.buy,.three{display:grid;grid-template-columns:1fr 1fr 1fr;gap:20px}',
    html: `<article><div class="buy"><figure><svg width="9" height="9"></svg></figure><div><h1>${text(4)}</h1><p>${text(5)}</p><p class="price">${text(1)}</p><button>${foreign(2)}</button><ul>${repeat(3, () => `<li>${text(4)}</li>`)}</ul></div></div>
      <div><section><h2>${text(3)}</h2><p>${paragraph()}</p><p>${paragraph()}</p></section><section><h2>${text(1)}</h2><table>${repeat(4, () => `<tr><th>${text(1)}</th><td>${text(2)}</td></tr>`)}</table></section></div>
      <section><h2>${text(1)}</h2><div class="three">${repeat(3, () => `<div><h3>${text(3)}</h3><p>${sentence()}</p><p>${text(2)}</p></div>`)}</div></section></article>`,
  }),
  'a recipe': ({ text, paragraph, foreign }) => ({
    html: `<h1>${text(4)}</h1><div class="facts"><p>${text(3)}</p><p>${text(3)}</p></div><section><h2>${text(1)}</h2><ul>${repeat(8, () => `<li>${text(3)}</li>`)}</ul></section>
      <section><h2>${text(1)}</h2>${repeat(5, () => `<p>${paragraph()}</p>`)}</section><section><h2>${text(1)}</h2><dl>${repeat(4, () => `<dt>${text(1)}</dt><dd>${text(2)}</dd>`)}</dl></section>
      <section><h2>${foreign(2)}</h2><ul>${repeat(4, () => `<li><a href="/other">${foreign(3)}</a></li>`)}</ul></section>`,
  }),
  'an event': ({ text, paragraph }) => ({
    html: `<div class="head"><h1>${text(5)}</h1><p>${text(4)}</p><p>${text(3)}</p></div><div class="about">${repeat(4, () => `<p>${paragraph()}</p>`)}</div><div class="place"><h2>${text(1)}</h2><p>${text(6)}</p><h2>${text(1)}</h2><ul>${repeat(3, () => `<li>${text(4)}</li>`)}</ul></div>`,
  }),
  'a product without landmarks': ({ text, paragraph }) => ({
    html: `<div class="product"><div class="summary"><h1>${text(4)}</h1><p class="price">${text(1)}</p><ul>${repeat(3, () => `<li>${text(3)}</li>`)}</ul></div><div class="text">${repeat(4, () => `<p>${paragraph()}</p>`)}</div></div>`,
  }),
  'news with teasers below': ({ text, paragraph, sentence, foreign }) => ({
    style: '.t{display:grid;grid-template-columns:repeat(3,1fr)}',
    html: `<h1>${text(6)}</h1><p>${text(4)}</p><div class="story">${repeat(6, () => `<p>${paragraph()}</p>`)}</div><p>${sentence()}</p><div class="share"><a href="/s">${foreign(1)}</a> <a href="/t">${foreign(1)}</a></div>
      <div class="more"><h2>${foreign(2)}</h2><div class="t">${repeat(3, () => `<div class="card"><h3><a href="/other">${foreign(4)}</a></h3><p>${foreign(10)}</p></div>`)}</div></div>
      <section id="comments"><h2>${foreign(1)}</h2>${repeat(4, () => `<div><b>${foreign(1)}</b><p>${foreign(14)}</p></div>`)}</section>`,
  }),
  'a frame': ({ text, paragraph }) => ({ html: `<h1>${text(4)}</h1><iframe width="800" height="500" srcdoc="<article>${repeat(4, () => `<p>${paragraph()}</p>`)}</article>"></iframe>` }),
};
