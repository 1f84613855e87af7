// A model's Markdown as Preact nodes: tokens of marked's lexer, an allow-list of elements, no HTML string anywhere.
// Called by Answer, which says how citations and quotes look. Links are text with their host: nothing here can be followed.
import { Lexer, type Token, type Tokens } from 'marked';
import { type ComponentChild, h } from 'preact';
import type { Quote } from './connection/protocol.ts';

export interface Inlines {
  cite(block: number): ComponentChild;
  quote(quote: Quote): ComponentChild;
}

// Quotes and citations are taken out before the lexer sees them and come back from these private marks: what a quotation says
// is never Markdown. The same characters in the answer itself are replaced first.
const OPEN = '\uE000';
const CLOSE = '\uE001';
const MARKS = /[\uE000\uE001]/g;

export function renderMarkdown(answer: string, quotes: Quote[], blocks: number, inlines: Inlines): ComponentChild[] {
  const held: ComponentChild[] = [];
  const raw: string[] = [];
  const hold = (node: ComponentChild, text: string): string => {
    raw.push(text);
    return `${OPEN}${held.push(node) - 1}${CLOSE}`;
  };
  const text = withMarks(answer.replace(MARKS, '\uFFFD'), quotes, blocks, inlines, hold);
  return new Renderer(held, raw).blocks(new Lexer({ gfm: true, breaks: true }).lex(text));
}

function withMarks(answer: string, quotes: Quote[], blocks: number, inlines: Inlines, hold: (node: ComponentChild, text: string) => string): string {
  const cite = (part: string): string =>
    part.replace(/\[(\d{1,5})\]/g, (all, digits: string) => {
      const n = Number(digits);
      return n >= 1 && n <= blocks ? hold(inlines.cite(n), all) : all;
    });
  let [text, end] = ['', 0];
  for (const quote of quotes.toSorted((a, b) => a.at - b.at)) {
    const whole = answer.slice(quote.at, quote.at + quote.text.length + 2);
    if (quote.at < end || whole.slice(1, -1) !== quote.text) continue;
    text += cite(answer.slice(end, quote.at)) + hold(inlines.quote(quote), whole);
    end = quote.at + whole.length;
  }
  return text + cite(answer.slice(end));
}

class Renderer {
  constructor(
    private readonly held: ComponentChild[],
    private readonly raw: string[],
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
        return h('h4', null, this.inline(token.tokens ?? []));
      case 'paragraph':
        return h('p', null, this.inline(token.tokens ?? []));
      case 'blockquote':
        return h('blockquote', null, this.blocks(token.tokens ?? []));
      case 'code':
        return h('pre', null, h('code', null, this.restored(token.text as string)));
      case 'hr':
        return h('hr', null);
      case 'list':
        return this.list(token as Tokens.List);
      case 'table':
        return this.table(token as Tokens.Table);
      case 'text':
        return token.tokens ? h('span', null, this.inline(token.tokens)) : h('span', null, this.text(token.text as string));
      default:
        return h('p', null, this.text(token.raw));
    }
  }

  private list(token: Tokens.List): ComponentChild {
    const items = token.items.map((item) => h('li', null, this.blocks(item.tokens)));
    return token.ordered ? h('ol', { start: Number(token.start) || 1 }, items) : h('ul', null, items);
  }

  private table(token: Tokens.Table): ComponentChild {
    const cells = (tag: 'th' | 'td', row: Tokens.TableCell[]) => h('tr', null, row.map((cell) => h(tag, null, this.inline(cell.tokens))));
    const head = h('thead', null, cells('th', token.header));
    const body = h('tbody', null, token.rows.map((row) => cells('td', row)));
    return h('div', { class: 'table' }, h('table', null, head, body));
  }

  private inline(tokens: Token[]): ComponentChild[] {
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
    return text.split(/(\uE000\d+\uE001)/).map((part) => (part.startsWith(OPEN) ? this.held[Number(part.slice(1, -1))] : part));
  }

  /** In code, citations and quotes are the characters that they were. */
  private restored(text: string): string {
    return text.replace(/\uE000(\d+)\uE001/g, (_all, i: string) => this.raw[Number(i)] ?? '');
  }
}

function hostOf(href: string): string {
  return URL.canParse(href) ? new URL(href).host : '';
}
