// What a copilot of one's own learns from: files sent in parts, drafts that come back, what the user says of each. Made by own.
import { type DocumentsState, type Error as ErrorFrame, type PairCard, type ServerFrame } from '../../../../lib/connection/protocol.ts';
import { isRefusal } from '../../../../lib/connection/requests.ts';
import { t } from '../../../../lib/words.ts';
import type { Store } from '../../state/store.ts';

const PART_BYTES = 384 * 1024;
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const READ_WITHIN_MS = 90_000; // a PDF takes the server a while
export const KINDS = '.pdf,.md,.markdown,.txt,.html,.htm,.xhtml';

export interface DocumentsView {
  copilot: string;
  name: string;
  state: DocumentsState | null;
  /** Name of the file that is on its way. */
  sending: string;
  notice: string;
}

export class Documents {
  view: DocumentsView;

  constructor(private readonly store: Store, { id, name }: { id: string; name: string }, private readonly changed: () => void) {
    this.view = { copilot: id, name, state: null, sending: '', notice: '' };
    void this.refresh();
  }

  refresh = async (): Promise<void> => {
    const answer = await this.store.requests.ask({ type: 'documents.open', copilot: this.view.copilot }, 'documents.state');
    if (!this.isRefused(answer)) this.show({ state: answer });
  };

  send = async (files: File[]): Promise<void> => {
    this.show({ notice: '' });
    for (const file of files) {
      if (file.size > FILE_BYTES_MAX) this.show({ notice: t('documentLarge', file.name) });
      else if (!(await this.sendOne(file))) break;
    }
    this.show({ sending: '' });
  };

  remove = (document: string): void => void this.order({ type: 'document.remove', copilot: this.view.copilot, document });
  draft = (on: boolean): void => void this.order({ type: 'documents.draft', copilot: this.view.copilot, on });

  judge = (pair: PairCard, verdict: PairCard['verdict'], words: { question?: string; answer?: string } = {}): Promise<boolean> =>
    this.order({ type: 'pair.judge', copilot: this.view.copilot, pair: pair.id, verdict, ...words });

  /** Examples first, then the server's ordinary training, which inside a page is not to be had. */
  train = async (): Promise<void> => {
    const answer = await this.store.requests.ask({ type: 'documents.teach', copilot: this.view.copilot }, 'documents.done');
    if (this.isRefused(answer)) return;
    this.show({ notice: t('documentsTaught', answer.train, answer.heldout) });
    if (this.store.state.host !== 'page') this.store.train(this.view.copilot);
  };

  toSidePanel = (): void => void this.store.hosting.move('side');

  /** True when the frame was about these documents. */
  take(frame: ServerFrame): boolean {
    if (frame.type !== 'documents.state' || frame.request !== null || frame.copilot !== this.view.copilot) return false;
    this.show({ state: frame });
    return true;
  }

  private async sendOne(file: File): Promise<boolean> {
    this.show({ sending: file.name });
    const bytes = new Uint8Array(await file.arrayBuffer());
    const parts = Math.max(1, Math.ceil(bytes.length / PART_BYTES));
    for (let part = 0; part < parts; part += 1) {
      const data = base64Of(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES));
      const frame = { type: 'document.put' as const, copilot: this.view.copilot, name: file.name.slice(-300), part, parts, data };
      if (this.isRefused(await this.store.requests.ask(frame, 'documents.done', READ_WITHIN_MS), `${file.name}: `)) return false;
    }
    return true;
  }

  private async order(frame: Parameters<Store['requests']['ask']>[0]): Promise<boolean> {
    return !this.isRefused(await this.store.requests.ask(frame, 'documents.done'));
  }

  private isRefused(answer: { type: string } | null, about = ''): answer is ErrorFrame | null {
    if (answer !== null && !isRefusal(answer)) return false;
    this.show({ notice: about + (answer?.message ?? t('ownUnanswered')) });
    return true;
  }

  private show(part: Partial<DocumentsView>): void {
    this.view = { ...this.view, ...part };
    this.changed();
  }
}

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
