// The panel's state and everything that changes it: the link, the page, the thread. Called by the components.
// Knows no markup. One instance for each panel.
import type { LinkView, PageAnswer, Passage, ToPanel } from '../../../lib/connection/messages.ts';
import { type CopilotCard, type ServerFrame, TITLE_CHARS_MAX, URL_CHARS_MAX } from '../../../lib/connection/protocol.ts';
import { remember } from '../../../lib/picker.ts';
import { t } from '../../../lib/words.ts';
import { keepChoice, keepThread, recall } from './memory.ts';
import { FIRST_STATE, NO_PAGE, type PageState, type State } from './state.ts';
import { applyFrame, earlierTurns, interrupt, isRunning, newTurn, type Turn, wordsOf } from './thread.ts';
import { Wire } from './wire.ts';

export class Store {
  state: State = FIRST_STATE;
  private listeners = new Set<() => void>();
  private readonly wire = new Wire(
    (message) => this.handle(message),
    (event) => (event === 'moved' ? this.patchPage({ moved: true }) : void this.refreshSelection()),
    () => this.standing(),
  );

  start(): void {
    void this.wire.start();
    addEventListener('focus', () => void this.refreshSelection());
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get copilots(): CopilotCard[] {
    return this.state.link.ready?.copilots ?? [];
  }

  get current(): CopilotCard | undefined {
    return this.copilots.find((card) => card.id === this.state.copilot) ?? this.copilots[0];
  }

  nameOf(copilot: string): string {
    return this.copilots.find((card) => card.id === copilot)?.name ?? copilot;
  }

  categoryOf(copilot: string): string {
    return this.copilots.find((card) => card.id === copilot)?.category_name ?? '';
  }

  // --- what the user does

  pair = (code: string): void => this.wire.send({ kind: 'pair', code });
  pairAgain = (): void => this.patch({ isPairingAgain: true });
  retryLink = (): void => this.wire.send({ kind: 'retry' });
  close = (): void => void this.wire.call({ do: 'close' });
  flip = (): void => void this.wire.call({ do: 'flip' });

  choose = (copilot: string): void => {
    this.patch({ copilot, recent: remember(this.state.recent, copilot) });
    keepChoice(this.state);
  };

  ask = (question: string, withSelection: boolean, copilot = this.current?.id ?? 'generalist'): void => {
    const { page, turns } = this.state;
    const selection = withSelection ? this.state.selection : '';
    const copilotName = this.nameOf(copilot);
    const run = `r${crypto.randomUUID().slice(0, 13)}`;
    const status = page.status === 'ready' ? 'waiting' : 'held';
    const turn = newTurn({ run, question, selection, copilot, copilotName, status });
    if (status === 'waiting') this.sendAsk(turn, turns);
    this.patch({ turns: [...turns, turn], notice: '' });
  };

  again = (turn: Turn, copilot: string): void => {
    this.choose(copilot);
    const { selection } = this.state;
    this.patch({ selection: turn.selection });
    this.ask(turn.question, turn.selection !== '', copilot);
    this.patch({ selection });
  };

  stop = (turn: Turn): void => {
    if (turn.status === 'held') return this.patch({ turns: this.state.turns.filter((other) => other !== turn) });
    this.wire.send({ kind: 'frame', frame: { type: 'cancel', run: turn.run } });
  };

  show = async (passage: Passage): Promise<void> => {
    const answer = await this.wire.call({ do: 'show', passage });
    this.patch({ missing: 'shown' in answer && answer.shown ? '' : passage.text || `[${passage.block ?? ''}]` });
  };

  /** In the side panel and the tab: asks for this one page, then reads it. Must run in a click. */
  allowPage = (): void => {
    const { tab } = this.state;
    if (tab === null) return;
    void this.wire.grant(tab).then(() => this.readPage());
  };

  train = (copilot: string): void => this.wire.send({ kind: 'frame', frame: { type: 'train.start', copilot } });

  /** Cancels a training; puts a report away. */
  endTraining = (copilot: string): void => {
    this.wire.send({ kind: 'frame', frame: { type: 'train.cancel', copilot } });
    if (this.state.training?.type === 'train.report') this.patch({ training: null });
  };

  clearThread = (): void => {
    for (const turn of this.state.turns) if (isRunning(turn)) this.stop(turn);
    this.patch({ turns: [] });
    void this.wire.call({ do: 'clear' });
    keepThread(this.state);
  };

  readPage = async (): Promise<void> => {
    const { id } = this.state.page;
    if (id) this.wire.send({ kind: 'frame', frame: { type: 'page.close', page: id } });
    this.patch({ page: NO_PAGE });
    this.takePage(await this.wire.call({ do: 'read' }));
    if (!this.state.page.text) return;
    const kept = await recall(this.state);
    this.patch({ ...kept, turns: interrupt(kept.turns, t('interrupted')) });
    if (!this.state.page.id) this.openPage(); // else the link came up meanwhile and it is open
  };

  // --- what comes in

  private handle(message: ToPanel): void {
    if (message.kind === 'untrusted') this.patch({ untrusted: true });
    if (message.kind === 'frame') this.takeFrame(message.frame);
    if (message.kind === 'link') this.takeLink(message.link);
    if (message.kind === 'opened' && this.state.tab === null) {
      this.patch({ tab: message.tab });
      void this.readPage();
    }
  }

  private takeLink(link: LinkView): void {
    const startOver = link.status === 'ready' && link.fresh && this.state.link !== link;
    const ready = link.ready ?? this.state.link.ready;
    const training = link.status === 'ready' ? this.state.training : null; // the server tells the latest after a loss
    this.patch({ link: { ...link, ready }, training, isPairingAgain: this.state.isPairingAgain && link.status !== 'ready' });
    if (!startOver) return;
    if (this.state.page.id) this.patch({ turns: interrupt(this.state.turns, t('interrupted')) });
    this.openPage();
  }

  private takePage(answer: PageAnswer): void {
    if (!('page' in answer)) return this.patchPage({ status: 'unreadable', message: 'error' in answer ? answer.error : '' });
    const { page: text } = answer;
    this.patchPage({ status: text.blocks.length === 0 ? 'empty' : 'opening', text });
    this.patch({ selection: text.selection });
  }

  private openPage(): void {
    const { link, page } = this.state;
    if (link.status !== 'ready' || !page.text || page.text.blocks.length === 0) return;
    const { title, url, blocks, types } = page.text;
    const id = `p${crypto.randomUUID().slice(0, 13)}`;
    this.patchPage({ status: 'opening', id, tokensDone: 0, tokensTotal: 0, message: '' });
    const frame = { type: 'page.open' as const, page: id, title: title.slice(0, TITLE_CHARS_MAX), url: url.slice(0, URL_CHARS_MAX), blocks, types };
    this.wire.send({ kind: 'frame', frame });
  }

  private takeFrame(frame: ServerFrame): void {
    const mine = 'page' in frame && frame.page === this.state.page.id;
    if (frame.type === 'page.reading' && mine) this.patchPage({ tokensDone: frame.tokens_done, tokensTotal: frame.tokens_total });
    if (frame.type === 'page.suggested' && mine) this.patchPage({ suggested: frame.copilots });
    if (frame.type === 'page.ready' && mine) this.pageIsReady(frame.blocks_read, frame.blocks_total);
    if (frame.type === 'error') this.takeError(frame.message, mine);
    if (frame.type === 'train.progress' || frame.type === 'train.report') this.patch({ training: frame });
    if (frame.type === 'copilots') this.takeCopilots(frame.copilots);
    if (!('run' in frame)) return;
    this.patch({ turns: applyFrame(this.state.turns, frame) });
    if (frame.type === 'run.done' || frame.type === 'run.error') keepThread(this.state);
  }

  private takeCopilots(copilots: CopilotCard[]): void {
    const { link } = this.state;
    if (link.ready) this.patch({ link: { ...link, ready: { ...link.ready, copilots } } });
  }

  private pageIsReady(blocksRead: number, blocksTotal: number): void {
    this.patchPage({ status: 'ready', blocksRead, blocksTotal });
    this.state.turns.forEach((turn, i) => turn.status === 'held' && this.sendAsk(turn, this.state.turns.slice(0, i)));
    const turns = this.state.turns.map((turn): Turn => (turn.status === 'held' ? { ...turn, status: 'waiting' } : turn));
    this.patch({ turns });
  }

  private takeError(message: string, aboutPage: boolean): void {
    if (aboutPage) this.patchPage({ status: 'error', message });
    else this.patch({ notice: message });
  }

  private sendAsk(turn: Turn, before: Turn[]): void {
    const { id } = this.state.page;
    if (!id) return;
    const question = wordsOf(turn.question, turn.selection);
    const frame = { type: 'ask' as const, run: turn.run, page: id, copilot: turn.copilot, question, history: earlierTurns(before) };
    this.wire.send({ kind: 'frame', frame });
  }

  private async refreshSelection(): Promise<void> {
    if (!this.state.page.text) return;
    const answer = await this.wire.call({ do: 'selection' });
    if ('selection' in answer) this.patch({ selection: answer.selection });
  }

  private standing(): { page: string | null; seen: Record<string, number> } {
    const running = this.state.turns.filter((turn) => turn.status === 'waiting' || turn.status === 'streaming');
    return { page: this.state.page.id, seen: Object.fromEntries(running.map((turn) => [turn.run, turn.seq])) };
  }

  private patchPage(part: Partial<PageState>): void {
    this.patch({ page: { ...this.state.page, ...part } });
  }

  private patch(part: Partial<State>): void {
    this.state = { ...this.state, ...part };
    for (const listener of this.listeners) listener();
  }
}
