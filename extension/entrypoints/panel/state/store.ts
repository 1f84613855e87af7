// The panel's state and everything that changes it: the link, the page, the thread. Called by the components.
// Knows no markup. One instance for each panel.
import type { Fill, LinkView, PageAnswer, PageEvent, Passage, ToPanel } from '../../../lib/connection/messages.ts';
import { type ClientFrame, type CopilotCard, type CopilotList, type EngineChanged, PANEL_MIN, type PageReady, type ServerFrame, TITLE_CHARS_MAX, URL_CHARS_MAX } from '../../../lib/connection/protocol.ts';
import { Requests } from '../../../lib/connection/requests.ts';
import { inOurWords, linkInOurWords } from '../../../lib/connection/worded.ts';
import { remember, shortlistOf, toggle } from '../../../lib/shortlist.ts';
import { t } from '../../../lib/words.ts';
import { Tabs } from '../tabs/tabs.ts';
import { Asking, type Panel } from './asking.ts';
import { isComplete } from './group.ts';
import { History, isForeign } from './history.ts';
import { Hosting } from './hosting.ts';
import { NO_THREAD } from './kept.ts';
import { keepChoice, keepQueue, keepShortlist, keepThread, recall } from './memory.ts';
import { addressOf } from './reading.ts';
import { aboutOf, FIRST_STATE, type Lit, NO_PAGE, type PageState, type State, type TeachOpen } from './state.ts';
import { answersOf, applyFrame, interrupt, isRunning, type Turn } from './thread.ts';
import { Wire } from './wire.ts';

const NOT_CITED: Lit = { run: '', at: -1 };

export class Store {
  state: State = FIRST_STATE;
  private listeners = new Set<() => void>();
  readonly hosting: Hosting;
  private readonly wire = new Wire(
    (message) => this.handle(message),
    (event) => this.takePageEvent(event),
    () => this.standing(),
  );

  readonly requests = new Requests((frame) => this.transmit(frame));
  readonly history = new History(this, this.requests);
  readonly tabs = new Tabs({
    state: () => this.state,
    patch: (part) => this.patch(part),
    call: (command, tab) => this.wire.call(command, tab),
    list: () => this.wire.send({ kind: 'tabs' }),
    reopen: (page) => this.reopen(page),
  });
  /** Asks, edits, repeats, queues and stops. */
  readonly asking = new Asking(this.forAsking());
  /** From the toolbar or the menu, until the page is known. */
  private fill: Fill | null = null;
  /** Parts that are loaded later and hear every frame; true: it was theirs alone. */
  readonly takers = new Set<(frame: ServerFrame) => boolean>();
  /** What the tab showed for this page; null until it is recalled. `restore` needs it once the link is there. */
  private shown: { thread: string | null | undefined } | null = null;
  constructor() {
    this.hosting = new Hosting(this.wire, () => this.state, (part) => this.patch(part));
  }

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

  /** Those who answer the next question together; none when one answers alone. */
  get several(): CopilotCard[] {
    const cards = this.state.several.flatMap((id) => this.copilots.find((card) => card.id === id) ?? []);
    return cards.length < PANEL_MIN ? [] : cards;
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

  choose = (copilot: string): void => {
    this.patch({ copilot, several: [], recent: remember(this.state.recent, copilot) });
    this.keepChoice();
  };

  /** From now on these answer together. */
  chooseSeveral = (several: string[]): void => {
    this.patch({ several });
    this.keepChoice();
  };

  /** Makes a copilot a favourite, or no longer one. */
  star = (copilot: string): void => {
    this.patch({ favourites: toggle(this.state.favourites, copilot) });
    this.keepChoice();
  };

  /** Asks about the whole page instead of the passage. */
  dropSelection = (): void => this.patch({ taken: '', dropped: this.state.selection });

  /** Asks about no page at all, or about the page again. */
  setWithoutPage = (withoutPage: boolean): void => this.patch({ withoutPage });

  ask = (question: string, withSelection: boolean): void =>
    this.asking.ask({ question, selection: withSelection ? aboutOf(this.state) : '', ...this.asked });

  again = (turn: Turn, copilot: string): void => {
    if (!this.several.some(({ id }) => id === copilot)) this.choose(copilot);
    this.asking.again(turn, copilot);
  };

  /** Scrolls to the passage and highlights it. `lit`: the evidence that it stands for. */
  show = async (passage: Passage, lit: Lit = NOT_CITED): Promise<void> => {
    const isShown = await this.tabs.show(passage);
    this.patch(isShown ? { missing: '', lit } : { missing: passage.text || `[${passage.block ?? ''}]`, lit: null });
  };

  /** Marks a passage lightly while the user looks at its card; null takes the mark away. */
  preview = (passage: Passage | null): void => this.tabs.preview(passage);

  unlight = (): void => {
    this.patch({ lit: null });
    this.tabs.clear();
  };

  allowPage = (): void => void this.hosting.allow().then(() => this.readPage());

  /** Opens what is taught, where a web page cannot place the click; null closes it. */
  showTeach = (teach: TeachOpen | null): void => this.patch({ teach: this.state.host === 'page' ? null : teach });

  train = (copilot: string): void => this.transmit({ type: 'train.start', copilot });

  /** Cancels a training; puts a report away. */
  endTraining = (copilot: string): void => {
    this.transmit({ type: 'train.cancel', copilot });
    if (this.state.training?.type === 'train.report' || this.state.training?.phase === 'paused') this.patch({ training: null });
  };

  showOwn = (isOwnOpen: boolean): void => this.patch({ isOwnOpen });

  clearThread = (): void => {
    this.asking.clear();
    this.patch({ thread: NO_THREAD });
    this.unlight();
    keepThread(this.state);
  };

  /** A conversation is private or kept as a whole: switching begins a new one. */
  setPrivate = (isPrivate: boolean): void => {
    this.clearThread();
    this.patch({ isPrivate });
  };

  readPage = async (): Promise<void> => {
    const { id, text } = this.state.page;
    const before = text?.url;
    if (id) this.transmit({ type: 'page.close', page: id });
    this.patch({ page: NO_PAGE, lit: null });
    this.shown = null;
    await this.takePage(await this.wire.call({ do: 'read' }), before);
    const { thread, queue, ...choice } = await recall(this.state);
    this.patch(choice);
    this.keepNames();
    if (this.state.page.text) {
      this.asking.pageWasRead(addressOf(before) === addressOf(this.state.page.text.url));
      if (this.state.queue.length === 0) this.patch({ queue });
      this.shown = { thread };
      void this.history.restore(thread);
      if (!this.state.page.id) this.openPage(); // else the link came up meanwhile and it is open
    }
    this.takeFill();
  };

  // --- what comes in

  private handle(message: ToPanel): void {
    if (message.kind === 'untrusted') this.patch({ untrusted: true });
    if (message.kind === 'frame') this.takeFrame(inOurWords(message.frame));
    if (message.kind === 'link') this.takeLink(linkInOurWords(message.link));
    if (message.kind === 'fill') this.fill = message.fill;
    if (message.kind === 'fill' && this.state.page.status !== 'looking') this.takeFill();
    if (message.kind === 'shortcuts') this.patch({ shortcuts: message.shortcuts });
    this.tabs.hear(message);
    if (message.kind === 'opened' && this.state.tab === null) {
      const { tab, host, site, isPrivate } = message;
      this.patch({ tab, host, site, untrusted: false, isPrivateWindow: isPrivate });
      void this.readPage();
    }
  }

  private takePageEvent(event: PageEvent): void {
    if (event.event === 'moved') this.patchPage({ moved: true });
    if (event.event === 'focus') void this.refreshSelection();
    if (event.event === 'placed') this.patch({ stand: event.stand });
  }

  private takeLink(link: LinkView): void {
    const startOver = link.status === 'ready' && link.fresh && this.state.link !== link;
    const ready = link.ready ?? this.state.link.ready;
    const training = link.status === 'ready' ? this.state.training : null; // the server tells the latest after a loss
    this.patch({ link: { ...link, ready }, training, isPairingAgain: this.state.isPairingAgain && link.status !== 'ready' });
    if (link.status === 'ready' && this.state.page.status !== 'looking') this.keepNames(); // else the choice is not recalled yet
    if (startOver && (this.state.page.id || this.state.withoutPage)) this.interrupt();
    if (!startOver && this.state.page.id) return;
    if (this.shown) void this.history.restore(this.shown.thread);
    this.openPage();
  }

  private async takePage(answer: PageAnswer, before: string | undefined): Promise<void> {
    if (!('page' in answer)) return this.patchPage({ status: 'unreadable', message: 'error' in answer ? answer.error : '' });
    const { page: text } = answer;
    const joined = await this.tabs.join(text, addressOf(text.url) === addressOf(before));
    this.patchPage({ status: text.blocks.length === 0 ? 'empty' : 'opening', ...joined });
    this.patch({ selection: text.selection });
  }

  private reopen(joined: Partial<PageState>): void {
    const { id } = this.state.page;
    if (id) this.transmit({ type: 'page.close', page: id });
    this.patch({ lit: null });
    this.patchPage({ ...joined, id: null, blocksRead: 0, blocksTotal: 0 });
    this.openPage();
  }

  private openPage(): void {
    const { link, page } = this.state;
    if (link.status !== 'ready' || !page.text || page.text.blocks.length === 0) return;
    const { title, url, blocks, types } = page.text;
    const id = `p${crypto.randomUUID().slice(0, 13)}`;
    this.patchPage({ status: 'opening', id, tokensDone: 0, tokensTotal: 0, message: '' });
    const frame = { type: 'page.open' as const, page: id, title: title.slice(0, TITLE_CHARS_MAX), url: url.slice(0, URL_CHARS_MAX), blocks, types };
    this.transmit(this.state.isPrivateWindow ? { ...frame, private: true } : frame);
  }

  private takeFrame(frame: ServerFrame): void {
    if ([...this.takers].some((take) => take(frame)) || this.history.take(frame)) return;
    const mine = 'page' in frame && frame.page === this.state.page.id;
    if (frame.type === 'page.reading' && mine) this.patchPage({ tokensDone: frame.tokens_done, tokensTotal: frame.tokens_total });
    if (frame.type === 'page.suggested' && mine) this.patchPage({ suggested: frame.copilots });
    if (frame.type === 'page.ready' && mine) this.pageIsReady(frame);
    if (frame.type === 'error') this.takeError(frame.message, mine);
    if (frame.type === 'train.progress' || frame.type === 'train.report') this.patch({ training: frame });
    if (frame.type === 'doctor.report') this.patch({ doctor: frame.lines });
    if (frame.type === 'copilots' || frame.type === 'engine.changed') this.takeReady(frame);
    if (!('run' in frame)) return;
    this.patch({ turns: applyFrame(this.state.turns, frame), hidden: applyFrame(this.state.hidden, frame) });
    if (frame.type === 'run.done' || frame.type === 'run.error') this.takeEnd(frame.run);
  }

  /** Of several answers the last one ends the turn. */
  private takeEnd(run: string): void {
    const turn = [...this.state.turns, ...this.state.hidden].find((other) => answersOf(other).some((answer) => answer.run === run));
    if (!turn || !isRunning(turn)) this.asking.ended(turn !== undefined && isComplete(turn));
  }

  private interrupt(): void {
    const { turns, hidden } = this.state;
    this.patch({ turns: interrupt(turns, t('interrupted')), hidden: interrupt(hidden, t('interrupted')) });
    this.asking.ended(false);
  }

  private takeFill(): void {
    const { fill } = this;
    if (!fill) return;
    this.fill = null;
    if (fill.copilot) this.choose(fill.copilot);
    this.asking.take(fill, this.asked);
  }

  private get asked(): { copilot: string; several: string[] } {
    return { copilot: this.current?.id ?? 'generalist', several: this.several.map(({ id }) => id) };
  }

  private takeReady(frame: CopilotList | EngineChanged): void {
    const { link } = this.state;
    if (link.ready) this.patch({ link: { ...link, ready: { ...link.ready, ...frame, type: 'ready' } } });
  }

  private pageIsReady({ blocks_read: blocksRead, blocks_total: blocksTotal, ordering }: PageReady): void {
    this.patchPage({ status: 'ready', blocksRead, blocksTotal, ordering });
    this.asking.release();
  }

  private takeError(message: string, aboutPage: boolean): void {
    if (aboutPage) this.patchPage({ status: 'error', message });
    else this.patch({ notice: message });
  }

  private forAsking(): Panel {
    return {
      state: () => this.state,
      patch: (part) => this.patch(part),
      send: (frame) => this.transmit(frame.type === 'ask' || frame.type === 'panel.ask' ? { ...frame, ...this.history.tagsOf() } : frame),
      keep: () => keepQueue(this.state),
      nameOf: (copilot) => this.nameOf(copilot),
      aboutToAsk: (withoutPage) => {
        if (!withoutPage && isForeign(this.state)) this.clearThread(); // it is about another page: this question begins a new conversation
      },
      asked: (withoutPage) => {
        if (this.state.lit) this.unlight(); // the reader is done with that evidence
        if (!withoutPage && this.state.page.moved) void this.readPage(); // the question is put to what stands there now
      },
    };
  }

  private keepChoice(): void {
    keepChoice(this.state);
    this.keepNames();
  }

  private keepNames(): void {
    if (this.current) keepShortlist(shortlistOf(this.copilots, { ...this.state, copilot: this.current.id }), this.state);
  }

  private async refreshSelection(): Promise<void> {
    if (!this.state.page.text) return;
    const answer = await this.wire.call({ do: 'selection' });
    if ('selection' in answer) this.patch({ selection: answer.selection });
  }

  private standing(): { page: string | null; seen: Record<string, number> } {
    const running = [...this.state.turns, ...this.state.hidden].flatMap(answersOf).filter((turn) => turn.status === 'waiting' || turn.status === 'streaming');
    return { page: this.state.page.id, seen: Object.fromEntries(running.map((turn) => [turn.run, turn.seq])) };
  }

  private patchPage(part: Partial<PageState>): void {
    this.patch({ page: { ...this.state.page, ...part } });
  }

  transmit(frame: ClientFrame): void {
    this.wire.send({ kind: 'frame', frame });
  }

  patch(part: Partial<State>): void {
    this.state = { ...this.state, ...part };
    for (const listener of this.listeners) listener();
  }
}
