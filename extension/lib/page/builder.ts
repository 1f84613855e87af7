// From the texts of a walk to blocks, each remembering which live text nodes its characters came from. Called by blocks.
// Folds white space and keeps words apart that are painted apart; knows nothing of articles and limits.
import type { Block } from './block.ts';
import { joint } from './joint.ts';
import type { Token } from './rendered/walk.ts';
import { splitLong } from './split.ts';

export class Builder {
  private readonly blocks: Block[] = [];
  private block: Block | null = null;
  private last: Token | null = null;
  private isBroken = false;

  take(token: Token): void {
    if (token.isBreak) {
      this.isBroken = true;
      return;
    }
    const isBlank = token.text.trim() === '';
    if (isBlank && this.last?.place.owner !== token.place.owner) return;
    if (!isBlank && !token.isSeen()) return;
    if (!this.block || this.isNewBlock(token, isBlank)) this.open(token);
    else if (this.last) this.join(this.last, token, isBlank);
    this.append(token);
    if (!isBlank) this.last = token;
    if (!isBlank) this.isBroken = false;
  }

  finish(): Block[] {
    const whole = this.blocks.map((block) => ({ ...block, text: block.text.trimEnd() })).filter((block) => block.text !== '');
    return whole.flatMap((block) => splitLong(block, block.element.tagName === 'PRE'));
  }

  private isNewBlock(token: Token, isBlank: boolean): boolean {
    if (!this.last) return true;
    if (this.last.place.owner !== token.place.owner) return true;
    const { owner, cell } = token.place;
    if (isBlank || cell === this.last.place.cell || owner.tagName === 'TR' || owner.tagName === 'DT') return false;
    return token.first !== null && this.last.last !== null && token.first.top >= this.last.last.bottom - 1; // the next row of a grid
  }

  /** A number or sign from the style sheet goes before the first words inside, whatever block they are in. */
  private open(token: Token): void {
    const prefix = this.block && this.block.pieces.length === 0 && this.block.element.contains(token.place.owner) ? this.block : null;
    if (prefix) this.blocks.pop();
    this.block = { element: token.place.owner, text: prefix ? `${prefix.text.trimEnd()} ` : '', pieces: [] };
    this.blocks.push(this.block);
  }

  private join(last: Token, token: Token, isBlank: boolean): void {
    const block = this.block as Block;
    if (isBlank) return;
    const mark = joint(last, token, block.text, this.isBroken);
    if (mark.trim() !== '' && mark !== '^') block.text = block.text.trimEnd();
    if (mark === '\n') block.text = block.text.trimEnd();
    if (block.text !== '' && (mark !== ' ' || !/\s$/.test(block.text))) block.text += mark;
  }

  private append(token: Token): void {
    const block = this.block as Block;
    for (const match of token.text.matchAll(token.isVerbatim ? /[^]+/g : /\s+|\S+/g)) {
      const word = match[0];
      if (!token.isVerbatim && /^\s/.test(word)) {
        if (block.text !== '' && !/\s$/.test(block.text)) block.text += ' ';
        continue;
      }
      if (token.node) block.pieces.push({ node: token.node, from: token.from + match.index, at: block.text.length, length: word.length });
      block.text += word;
    }
  }
}
