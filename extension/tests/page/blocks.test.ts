// What is read of a page: visible text only, one block for each passage, offsets that lead back to the live nodes.
import { beforeEach, describe, expect, test } from 'vitest';
import { articleOf } from '../../lib/page/article/article.ts';
import { readBlocks, visibleBlocks } from '../../lib/page/blocks.ts';

const LIMITS = { blocks: 1_000, chars: 100_000 };

const texts = (): string[] => visibleBlocks(document.body).map((block) => block.text);

function show(html: string): void {
  document.body.replaceChildren(document.createRange().createContextualFragment(html));
}

describe('visible blocks', () => {
  beforeEach(() => show(''));

  test.each([
    ['display none', '<p style="display:none">no</p>'],
    ['visibility hidden', '<p style="visibility:hidden">no</p>'],
    ['the hidden attribute', '<p hidden>no</p>'],
    ['almost transparent', '<p style="opacity:0.05">no</p>'],
    ['transparent letters', '<p style="color:rgba(0, 0, 0, 0)">no</p>'],
    ['an ancestor hides it', '<div style="display:none"><p>no</p></div>'],
    ['scripts and styles', '<script type="x">no</script><style>no</style><template>no</template><noscript>no</noscript>'],
  ])('skips text that nobody can see: %s', (_name, html) => {
    show(`<p>yes</p>${html}`);
    expect(texts().filter((text) => text.includes('no'))).toEqual([]);
    expect(texts()[0]).toBe('yes');
  });

  test('what a screen reader skips is seen all the same', () => {
    show('<div aria-hidden="true"><p>yes</p></div>');
    expect(texts()).toEqual(['yes']);
  });

  test.each([
    ['details', '<details><summary>More</summary><p>inside</p></details>'],
    ['an accordion', '<h3><button aria-expanded="false">More</button></h3><div hidden><p>inside</p></div>'],
    ['a named panel', '<button aria-expanded="false" aria-controls="p">More</button><hr><div id="p" style="display:none">inside</div>'],
  ])('reads what a visible control opens: %s', (_name, html) => {
    show(html);
    expect(texts()).toEqual(['More', 'inside']);
  });

  test('reads nothing behind a menu button or a link to elsewhere', () => {
    show('<button aria-expanded="false" aria-haspopup="menu">More</button><div hidden>no</div><a href="/x" aria-expanded="false">Go</a><div hidden>no</div>');
    expect(texts().join(' ')).not.toMatch(/no/);
  });

  test('a child may undo an inherited visibility', () => {
    show('<div style="visibility:hidden">no <span style="visibility:visible">yes</span></div>');
    expect(texts()).toEqual(['yes']);
  });

  test('gives one block for each paragraph, heading, item, row, definition and preformatted text', () => {
    show(`<h1>Title</h1><p>First <b>bold</b> words.</p><ul><li>One</li><li>Two<ul><li>Inner</li></ul></li></ul>
      <table><tr><th>Name</th><th>Price</th></tr><tr><td>Bread</td><td>2.10</td></tr></table>
      <dl><dt>Notice</dt><dd>two weeks</dd><dd>in writing</dd></dl><pre>a\n  b</pre>`);
    expect(texts()).toEqual([
      'Title', 'First bold words.', 'One', 'Two', 'Inner', 'Name; Price', 'Bread; 2.10', 'Notice: two weeks; in writing', 'a\n  b',
    ]);
  });

  test('does not glue words over line breaks and folds white space', () => {
    show('<p>one<br>two\n\t three   <i>four</i></p>');
    expect(texts()).toEqual(['one two three four']);
    show('<p>Pier 4<br>North Quay</p><h2>One<br>heading</h2><p>an unfinished<br>sentence</p>');
    expect(texts()).toEqual(['Pier 4\nNorth Quay', 'One heading', 'an unfinished sentence']);
  });

  test('text beside a nested block stays apart from it', () => {
    show('<div>before<p>inside</p>after</div>');
    expect(texts()).toEqual(['before', 'inside', 'after']);
  });

  test('every character of a block leads back to the node that holds it', () => {
    show('<p>  A <b>bold</b>\n  word\u00a0and <i>more</i>.</p><table><tr><td>x y</td><td>z</td></tr></table>');
    for (const block of visibleBlocks(document.body)) {
      for (const piece of block.pieces) {
        expect(piece.node.data.slice(piece.from, piece.from + piece.length)).toBe(block.text.slice(piece.at, piece.at + piece.length));
      }
    }
  });
});

describe('the whole page', () => {
  const words = (n: number): string => Array.from({ length: n }, (_unused, i) => `word${i}, and so on.`).join(' ');

  test('reads the article and leaves the menu out', async () => {
    show(`<nav><a href="#">Home</a> <a href="#">Shop</a></nav><main><article><h1>Terms</h1><p>${words(40)}</p><p>${words(40)}</p>
      <table><tr><td>Week</td><td>18 pounds</td></tr></table><p>${words(30)}</p></article></main><footer>Imprint</footer>`);
    const read = (await readBlocks(document, LIMITS, articleOf)).blocks.map((block) => block.text);
    expect(read).toContain('Terms');
    expect(read).toContain('Week; 18 pounds');
    expect(read.some((text) => /Home|Imprint/.test(text))).toBe(false);
  });

  test('reads the boxes beside the article that belong to it, and none that lead elsewhere', async () => {
    const story = `<div class="story"><p>${words(60)}</p><p>${words(60)}</p></div>`;
    show(`<article><div class="buy"><div><h1>Jacket</h1><p>£165</p><button>Add</button></div></div>${story}<div><h2>Reviews</h2><div><h3>Dry</h3><p>Six hours of rain.</p></div></div>
      <div><h2>See too</h2><div><h3><a href="/b">Tee</a></h3><p>Soft.</p></div></div><div><h2>Index</h2><ul><li><a href="/c">Caps</a></li></ul></div><div id="comments"><p>First!</p></div></article>`);
    const read = (await readBlocks(document, LIMITS, articleOf)).blocks.map((block) => block.text).filter((text) => !text.startsWith('word'));
    expect(read).toEqual(['Jacket', '£165', 'Reviews', 'Dry', 'Six hours of rain.']);
  });

  test('falls back to all visible text when there is no article', async () => {
    show('<nav>Menu</nav><div><div>Alpha</div><div>Beta</div></div>');
    expect((await readBlocks(document, LIMITS, articleOf)).blocks.map((block) => block.text)).toEqual(['Alpha', 'Beta']);
  });

  test('a page without text gives no blocks', async () => {
    show('<div><img alt="a picture"></div>');
    expect(await readBlocks(document, LIMITS, articleOf)).toEqual({ blocks: [], leftOut: 0, unread: [] });
  });
});
