// What is read of a page: visible text only, one block for each passage, offsets that lead back to the live nodes.
import { beforeEach, describe, expect, test } from 'vitest';
import { readBlocks, visibleBlocks } from '../../lib/page/blocks.ts';

const texts = (): string[] => visibleBlocks(document.body).map((block) => block.text);

function show(html: string): void {
  document.body.replaceChildren(document.createRange().createContextualFragment(html));
}

describe('visible blocks', () => {
  beforeEach(() => show(''));

  test.each([
    ['display none', '<p style="display:none">no</p>'],
    ['visibility hidden', '<p style="visibility:hidden">no</p>'],
    ['aria-hidden', '<p aria-hidden="true">no</p>'],
    ['the hidden attribute', '<p hidden>no</p>'],
    ['almost transparent', '<p style="opacity:0.05">no</p>'],
    ['transparent letters', '<p style="color:rgba(0, 0, 0, 0)">no</p>'],
    ['far off the screen', '<p style="position:absolute;left:-9999px">no</p>'],
    ['cut to a pixel', '<p style="position:absolute;width:1px;height:1px;overflow:hidden">no</p>'],
    ['clipped away', '<p style="position:absolute;clip-path:inset(50%)">no</p>'],
    ['no size', '<p style="font-size:0px">no</p>'],
    ['an ancestor hides it', '<div style="display:none"><p>no</p></div>'],
    ['scripts and styles', '<script type="x">no</script><style>no</style><template>no</template><noscript>no</noscript>'],
    ['closed details', '<details><summary>More</summary><p>no</p></details>'],
  ])('skips text that nobody can see: %s', (_name, html) => {
    show(`<p>yes</p>${html}`);
    expect(texts().filter((text) => text.includes('no'))).toEqual([]);
    expect(texts()[0]).toBe('yes');
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

  test('reads the article and leaves the menu out', () => {
    show(`<nav><a href="#">Home</a> <a href="#">Shop</a></nav><main><article><h1>Terms</h1><p>${words(40)}</p><p>${words(40)}</p>
      <table><tr><td>Week</td><td>18 pounds</td></tr></table><p>${words(30)}</p></article></main><footer>Imprint</footer>`);
    const read = readBlocks(document).map((block) => block.text);
    expect(read).toContain('Terms');
    expect(read).toContain('Week; 18 pounds');
    expect(read.some((text) => /Home|Imprint/.test(text))).toBe(false);
  });

  test('falls back to all visible text when there is no article', () => {
    show('<nav>Menu</nav><div><div>Alpha</div><div>Beta</div></div>');
    expect(readBlocks(document).map((block) => block.text)).toEqual(['Alpha', 'Beta']);
  });

  test('a page without text gives no blocks', () => {
    show('<div><img alt="a picture"></div>');
    expect(readBlocks(document)).toEqual([]);
  });
});
