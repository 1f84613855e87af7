// What the user asks: sends a question now or queues it, edits, repeats and stops, keeps the branches. Called by store.
// Knows no markup and no browser; the panel's state and its line come in from store.
import type { ClientFrame, PanelMember } from '../../../lib/connection/protocol.ts';
import type { Fill } from '../../../lib/connection/messages.ts';
import { t } from '../../../lib/words.ts';
import { type Branches, chained, grow, nextNumber, pathTo, show, without } from './branches.ts';
import { NO_THREAD } from './kept.ts';
import { type Asked, pause, type Queued, resume, takeNext } from './queue.ts';
import { isAskable, type State } from './state.ts';
import { answersOf, earlierTurns, interrupt, isCutOff, isRunning, newTurn, type Turn, withEach, withMembers, wordsOf } from './thread.ts';

export interface Panel {
  state(): State;
  patch(part: Partial<State>): void;
  send(frame: ClientFrame): void;
  keep(): void;
  nameOf(copilot: string): string;
  /** Before a question goes into the thread, and after. */
  aboutToAsk(withoutPage: boolean): void;
  asked(withoutPage: boolean): void;
}

export class Asking {
  constructor(private readonly panel: Panel) {}

  /** Asks now; while an answer is under way the question is queued. */
  ask(asked: Omit<Asked, 'replaces' | 'withoutPage'>): void {
    const { editing, withoutPage } = this.state;
    const whole = { ...asked, withoutPage, replaces: editing };
    this.panel.patch({ editing: null, taken: '' });
    if (this.running) this.setQueue([...this.state.queue, { ...whole, id: newName('q'), isPaused: false }]);
    else this.pose(whole);
  }

  /** The same question to the same copilot once more, in the place of the answer that it got. */
  regenerate(turn: Turn): void {
    const { question, selection, copilot, withoutPage } = turn;
    this.pose({ question, selection, copilot, several: [], withoutPage, replaces: turn.run }, this.attemptsOf(turn));
  }

  /** One of several copilots answers once more; what the others have answered stays beside it. */
  regenerateOne(turn: Turn, answer: Turn): void {
    this.panel.aboutToAsk(turn.withoutPage);
    const { question, selection, copilot, copilotName, withoutPage, group, place } = answer;
    if (!this.state.turns.includes(turn)) return this.pose({ question, selection, copilot, several: [], withoutPage, replaces: null });
    const asked = { question, selection, copilot, copilotName, withoutPage, group, place, attempt: this.attemptsOf(answer), ...this.standing(withoutPage) };
    const again = newTurn({ ...asked, run: newName('r') });
    const members = turn.members.map((member) => (member === answer ? again : member));
    const whole = withMembers({ ...turn, run: newName('g'), nth: nextNumber(this.state) }, members);
    const isWorthless = answer.status === 'error' && answer.answer === '';
    const { turns, hidden } = grow(this.state, whole, turn.run);
    this.place(whole, { turns, hidden: isWorthless ? hidden.filter((other) => other !== turn) : hidden });
  }

  /** The same question to another copilot, at the end of the thread. */
  again({ question, selection, withoutPage }: Turn, copilot: string): void {
    this.pose({ question, selection, copilot, several: [], withoutPage, replaces: null });
  }

  /** Puts the question back into the box; what is sent then takes its place. */
  edit({ run, question, selection, withoutPage }: Turn): void {
    this.fill(question, selection);
    this.panel.patch({ editing: run, withoutPage });
  }

  stopEditing(): void {
    this.panel.patch({ editing: null, taken: '', filling: null });
  }

  showBranch(turn: Turn): void {
    this.panel.patch({ ...show(this.state, turn), editing: null });
  }

  stop(turn: Turn): void {
    if (turn.status !== 'held') return answersOf(turn).filter(isRunning).forEach(({ run }) => this.panel.send({ type: 'cancel', run }));
    this.panel.patch(without(this.state, turn));
    this.setQueue(pause(this.state.queue));
  }

  /** Stops whatever is under way; false when nothing is. */
  stopAll(): boolean {
    const running = this.all.filter(isRunning);
    for (const turn of running) this.stop(turn);
    return running.length > 0;
  }

  clear(): void {
    this.stopAll();
    this.panel.patch({ turns: [], hidden: [], queue: [], editing: null });
    this.panel.keep();
  }

  // --- the queue

  editQueued(queued: Queued): void {
    this.removeQueued(queued);
    this.fill(queued.question, queued.selection);
    this.panel.patch({ editing: queued.replaces, withoutPage: queued.withoutPage });
  }

  removeQueued({ id }: Queued): void {
    this.setQueue(this.state.queue.filter((queued) => queued.id !== id));
  }

  sendQueued({ id }: Queued): void {
    this.setQueue(resume(this.state.queue, id));
    this.sendNext();
  }

  /** An answer has ended: the next question goes out, unless the answer failed or was stopped. */
  ended(isComplete: boolean): void {
    if (isComplete) this.sendNext();
    else if (this.state.queue.length > 0) this.setQueue(pause(this.state.queue));
  }

  // --- from outside the panel

  /** Words and a passage from the page's toolbar or menu: into the box, or straight to the copilot. */
  take({ words, selection, isToSend, isToChoose }: Fill, asked: Pick<Asked, 'copilot' | 'several'>): void {
    if (isToSend && words && isAskable(this.state)) this.ask({ question: words, selection, ...asked });
    else this.panel.patch({ taken: selection, filling: { words, isToChoose } });
  }

  /**
   * Of the same page read again the conversation stays, what ran in it has ended; another page begins anew. Questions
   * that were held are meant for this reading: they go out when it is ready.
   */
  pageWasRead(isSame: boolean): void {
    const { turns, hidden, queue, thread } = this.state;
    const held = turns.filter((turn) => turn.status === 'held');
    if (!isSame) return this.panel.patch({ turns: chained(held), hidden: [], queue: pause(queue), thread: NO_THREAD });
    const wasCutOff = [...turns, ...hidden].some(isCutOff);
    this.panel.patch({ turns: interrupt(turns, t('interrupted'), isCutOff), hidden: interrupt(hidden, t('interrupted'), isCutOff), thread });
    if (wasCutOff) this.ended(false);
  }

  /** The page was read: what waited for it goes out. */
  release(): void {
    const held = this.state.turns.filter((turn) => turn.status === 'held');
    const { reading } = this.state.page;
    const go = (turn: Turn): Turn => withEach(turn, (answer) => (answer.status === 'held' ? { ...answer, status: 'waiting', reading } : answer));
    this.panel.patch({ turns: this.state.turns.map(go) });
    for (const turn of held) this.send(turn, answersOf(turn).filter(({ status }) => status === 'held'));
  }

  private get state(): State {
    return this.panel.state();
  }

  private get all(): Turn[] {
    return [...this.state.turns, ...this.state.hidden];
  }

  private get running(): boolean {
    return this.all.some(isRunning);
  }

  private pose(asked: Asked, attempt = 0): void {
    this.panel.aboutToAsk(asked.withoutPage);
    const replaced = this.state.turns.find(({ run }) => run === asked.replaces);
    const { question, selection, copilot, several, withoutPage } = asked;
    const before = replaced ? replaced.before : (this.state.turns.at(-1)?.run ?? null);
    const blank = { question, selection, before, nth: nextNumber(this.state), attempt, withoutPage, ...this.standing(withoutPage) };
    const one = (id: string, part: Partial<Turn> = {}): Turn => newTurn({ ...blank, run: newName('r'), copilot: id, copilotName: this.panel.nameOf(id), ...part });
    const group = newName('g');
    const members = several.map((id, place) => one(id, { group, place }));
    const turn = members.length > 0 ? withMembers(one(copilot, { run: group, group }), members) : one(copilot);
    this.place(turn, withoutFailed(grow(this.state, turn, asked.replaces), replaced));
  }

  /** Whether what is asked now goes out at once, and on which reading of the page. */
  private standing(withoutPage: boolean): Pick<Turn, 'status' | 'reading'> {
    const { page } = this.state;
    const isReady = withoutPage || (page.status === 'ready' && !page.moved);
    return { status: isReady ? 'waiting' : 'held', reading: withoutPage ? '' : page.reading };
  }

  /** Into the thread, and out to the server what does not have to wait for the page. */
  private place(turn: Turn, branches: Branches): void {
    this.panel.patch({ ...branches, notice: '' });
    const fresh = answersOf(turn).filter(isRunning);
    if (turn.status === 'waiting') this.send(turn, fresh);
    this.panel.asked(turn.withoutPage);
  }

  /** Those of its answers that are to be asked for: all of several at once, or one. */
  private send(turn: Turn, answers: Turn[]): void {
    const { id } = this.state.page;
    const [first] = answers;
    if (!first || (!turn.withoutPage && !id)) return;
    const path = pathTo(this.state, turn);
    const asked = { question: wordsOf(turn.question, turn.selection), ...(turn.withoutPage ? {} : { page: id }) };
    const member = ({ run, copilot }: Turn): PanelMember => ({ run, copilot, history: earlierTurns(path, copilot) });
    if (answers.length > 1) return this.panel.send({ type: 'panel.ask', group: turn.group, members: answers.map(member), ...asked });
    const { attempt, group, place } = first;
    const again = { ...(attempt > 0 ? { attempt } : {}), ...(group ? { panel: { group, place } } : {}) };
    this.panel.send({ type: 'ask', ...member(first), ...asked, ...again });
  }

  private sendNext(): void {
    if (this.running) return;
    const [next, rest] = takeNext(this.state.queue);
    if (!next) return;
    this.setQueue(rest);
    this.pose(next);
  }

  /** Back into the box, about the same passage as before or about none. */
  private fill(words: string, selection: string): void {
    this.panel.patch({ filling: { words, isToChoose: false }, taken: selection, dropped: this.state.selection });
  }

  private setQueue(queue: Queued[]): void {
    this.panel.patch({ queue });
    this.panel.keep();
  }

  private attemptsOf({ before, question, copilot, group }: Turn): number {
    const answers = this.all.flatMap(answersOf).filter((turn) => turn.question === question && turn.copilot === copilot && turn.answer !== '');
    const same = answers.filter((turn) => (group === '' ? turn.before === before && turn.group === '' : turn.group === group));
    return new Set(same.map(({ run }) => run)).size;
  }
}

/** A question that failed before the first word, and that nothing follows, is no branch worth keeping. */
function withoutFailed({ turns, hidden }: Branches, replaced: Turn | undefined): Branches {
  const isWorthless = replaced?.status === 'error' && replaced.answer === '' && !hidden.some(({ before }) => before === replaced.run);
  return { turns, hidden: isWorthless ? hidden.filter((turn) => turn !== replaced) : hidden };
}

function newName(kind: 'r' | 'g' | 'q'): string {
  return `${kind}${crypto.randomUUID().slice(0, 13)}`;
}
