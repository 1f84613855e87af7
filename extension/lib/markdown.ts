// A model's Markdown as Preact nodes: tokens of marked's lexer, an allow-list of elements, no HTML string anywhere.
// Called by the answer's views, which say how citations and quotes look. Links are text with their host: nothing here can be followed.
import { Lexer, type Token, type Tokens } from 'marked';
import { type ComponentChild, h } from 'preact';
import type { Quote } from './connection/protocol.ts';

/** How an answer's quotes and citations look; `at` is where they begin in the whole answer. */
export interface Inlines {
  quotes: Quote[];
  /** Of the page: a citation of a block that it does not have stays text. */
  blocks: number;
  cite(block: number, at: number): ComponentChild;
  quote(quote: Quote): ComponentChild;
  /** Of tables and code that scroll, for those who do not see them. */
  tableLabel: string;
  codeLabel: string;
}

/** A part of the answer that begins at `at`. */
export interface Part {
  text: string;
  at: number;
}

// Quotes and citations are taken out before the lexer sees them and come back from these private marks: what a quotation says
// is never Markdown. The same characters in the answer itself are replaced first.
const OPEN = '\uE000';
const CLOSE = '\uE001';
const MARKS = /[\uE000\uE001]/g;
const OPTIONS = { gfm: true, breaks: true };

export function renderMarkdown(part: Part, inlines: Inlines): ComponentChild[] {
  const held = new Held(part, inlines);
  return new Renderer(held, inlines).blocks(new Lexer(OPTIONS).lex(held.text));
}

/** One line of text: emphasis, code, quotes and citations, but no lists, headings or tables. */
export function renderInline(part: Part, inlines: Inlines): ComponentChild[] {
  const held = new Held(part, inlines);
  return new Renderer(held, inlines).inline(new Lexer(OPTIONS).inlineTokens(held.text));
}

/** A part's text with marks for its quotes and citations, and what stands for each mark. */
class Held {
  readonly text: string;
  readonly nodes: ComponentChild[] = [];
  readonly raw: string[] = [];

  constructor(part: Part, private readonly inlines: Inlines) {
    const text = part.text.replace(MARKS, '\uFFFD');
    let [marked, end] = ['', 0];
    for (const quote of inlines.quotes.toSorted((a, b) => a.at - b.at)) {
      const at = quote.at - part.at;
      const whole = text.slice(at, at + quote.text.length + 2);
      if (at < end || whole.slice(1, -1) !== quote.text) continue;
      marked += this.cited(text.slice(end, at), part.at + end) + this.hold(inlines.quote(quote), whole);
      end = at + whole.length;
    }
    this.text = marked + this.cited(text.slice(end), part.at + end);
  }

  private cited(text: string, start: number): string {
    return text.replace(/\[(\d{1,5})\]/g, (all, digits: string, at: number) => {
      const n = Number(digits);
      return n >= 1 && n <= this.inlines.blocks ? this.hold(this.inlines.cite(n, start + at), all) : all;
    });
  }

  private hold(node: ComponentChild, raw: string): string {
    this.raw.push(raw);
    return `${OPEN}${this.nodes.push(node) - 1}${CLOSE}`;
  }
}

const AUTO = { dir: 'auto' }; // an answer about an Arabic page may be in Arabic

class Renderer {
  constructor(
    private readonly held: Held,
    private readonly inlines: Inlines,
  ) {}

  blocks(tokens: Token[]): ComponentChild[] {
    return tokens.map((token) => this.block(token));
  }

  private block(token: Token): ComponentChild {
    switch (token.type) {
      case 'space':
      case 'def':
        return null;
      case 'heading':
        return h('h4', AUTO, this.inline(token.tokens ?? []));
      case 'paragraph':
        return h('p', AUTO, this.inline(token.tokens ?? []));
      case 'blockquote':
        return h('blockquote', AUTO, this.blocks(token.tokens ?? []));
      case 'code':
        return h('pre', this.scrolling(this.inlines.codeLabel), h('code', null, this.restored(token.text as string)));
      case 'hr':
        return h('hr', null);
      case 'list':
        return this.list(token as Tokens.List);
      case 'table':
        return this.table(token as Tokens.Table);
      case 'text':
        return token.tokens ? h('span', null, this.inline(token.tokens)) : h('span', null, this.text(token.text as string));
      default:
        return h('p', AUTO, this.text(token.raw));
    }
  }

  private list(token: Tokens.List): ComponentChild {
    const items = token.items.map((item) => h('li', AUTO, this.blocks(item.tokens)));
    return token.ordered ? h('ol', { start: Number(token.start) || 1 }, items) : h('ul', null, items);
  }

  private table(token: Tokens.Table): ComponentChild {
    const cells = (tag: 'th' | 'td', row: Tokens.TableCell[]) => h('tr', null, row.map((cell) => h(tag, AUTO, this.inline(cell.tokens))));
    const head = h('thead', null, cells('th', token.header));
    const body = h('tbody', null, token.rows.map((row) => cells('td', row)));
    return h('div', { class: 'table', ...this.scrolling(this.inlines.tableLabel) }, h('table', null, head, body));
  }

  /** Wide content scrolls by itself, also by keyboard. */
  private scrolling(label: string): Record<string, string | number> {
    return { role: 'group', 'aria-label': label, tabIndex: 0 };
  }

  inline(tokens: Token[]): ComponentChild[] {
    return tokens.map((token) => this.span(token));
  }

  private span(token: Token): ComponentChild {
    switch (token.type) {
      case 'strong':
        return h('strong', null, this.inline(token.tokens ?? []));
      case 'em':
        return h('em', null, this.inline(token.tokens ?? []));
      case 'codespan':
        return h('code', null, this.restored(token.text as string));
      case 'br':
        return h('br', null);
      case 'link':
        return this.link(token as Tokens.Link);
      case 'escape':
        return this.text(token.text as string);
      case 'text':
        return token.tokens ? this.inline(token.tokens) : this.text(token.text as string);
      default:
        return this.text(token.raw); // images, HTML, strikethrough: shown as they were written
    }
  }

  private link(token: Tokens.Link): ComponentChild {
    const host = hostOf(token.href);
    const words = this.inline(token.tokens);
    return h('span', null, words, host && token.text !== token.href ? ` (${host})` : null);
  }

  /** Plain text with its held citations and quotes put back as elements. */
  private text(text: string): ComponentChild[] {
    return text.split(/(\uE000\d+\uE001)/).map((part) => (part.startsWith(OPEN) ? this.held.nodes[Number(part.slice(1, -1))] : part));
  }

  /** In code, citations and quotes are the characters that they were. */
  private restored(text: string): string {
    return text.replace(/\uE000(\d+)\uE001/g, (_all, i: string) => this.held.raw[Number(i)] ?? '');
  }
}

function hostOf(href: string): string {
  return URL.canParse(href) ? new URL(href).host : '';
}
