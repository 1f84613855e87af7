// What can be done with an answer: a button with words, and copying. Called by Thread, several/Group and views.
import { useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { answerAsMarkdown } from '../history/export.ts';
import { Icon, type IconName } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Turn } from '../state/thread.ts';

export function Action({ icon, name, act, isOff = false }: { icon: IconName; name: string; act: () => void; isOff?: boolean }) {
  return (
    <button type="button" class="action" disabled={isOff} onClick={act}>
      <Icon name={icon} />
      {t(name)}
    </button>
  );
}

/** With its question, its quotes and where they stand. */
export function Copy({ turn, state }: { turn: Turn; state: State }) {
  const [copied, setCopied] = useState(false);
  if (turn.answer === '') return null;
  const copy = (): void => void navigator.clipboard.writeText(answerAsMarkdown(turn, pageOf(state))).then(() => setCopied(true));
  return <Action icon={copied ? 'check' : 'copy'} name={copied ? 'copied' : 'copy'} act={copy} />;
}

/** Copies a text and says so. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState('');
  const isCopied = copied === text;
  return (
    <button type="button" class="action" onClick={() => void navigator.clipboard.writeText(text).then(() => setCopied(text))}>
      <Icon name={isCopied ? 'check' : 'copy'} />
      {isCopied ? t('copied') : label}
    </button>
  );
}

/** The page that the conversation on screen is about. */
function pageOf({ thread, page }: State): { title: string; url: string } {
  if (thread.card) return { title: thread.card.title, url: thread.card.address };
  return { title: page.text?.title ?? '', url: page.text?.url ?? '' };
}
