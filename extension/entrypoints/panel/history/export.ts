// What leaves the panel as Markdown or as a file: an answer with its quotes, a whole conversation. Called by Thread and Row.
// An answer may hold what a page says: HTML and images become text, so that opening the file loads nothing.
import type { Quote } from '../../../lib/connection/protocol.ts';

/** An answer with its question, its quotes and where they stand. `address` is the page's. */
export function answerAsMarkdown(turn: { question: string; answer: string; quotes: Quote[] }, page: { title: string; url: string }): string {
  const quotes = turn.quotes.map((quote) => `> ${oneLine(quote.text)} ${placeOf(quote)}`);
  const source = `${oneLine(page.title)}, ${plain(page.url)}`;
  return [`**${oneLine(turn.question)}**`, harmless(turn.answer.trim()), ...quotes, source].filter(Boolean).join('\n\n');
}

function placeOf({ verified, block }: Quote): string {
  return verified && block !== null ? `(block ${block})` : '(not on the page)';
}

function harmless(markdown: string): string {
  return markdown.replaceAll('<', String.raw`\<`).replaceAll('![', String.raw`!\[`);
}

function oneLine(text: string): string {
  return plain(text.replace(/\s+/g, ' ').trim());
}

function plain(text: string): string {
  return text.replace(/[\\`*_[\]<>#|!~]/g, String.raw`\$&`);
}

/** Gives the user a file. Needs no permission: the browser's own download of a Blob. */
export function save({ name, text }: { name: string; text: string }): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: name.endsWith('.json') ? 'application/json' : 'text/markdown' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
