// Steps through all evidence of an answer: two buttons, and Alt with an arrow from anywhere in the panel. Called by Foot and Thread.
import { useContext, useEffect } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { answersOf, type Turn } from '../state/thread.ts';
import { type Evidence, evidenceOf, litIn, stepOf } from './evidence.ts';
import { ShowingContext } from './showing.ts';

export function Walker({ evidence }: { evidence: Evidence[] }) {
  const { lit, show } = useContext(ShowingContext);
  const place = evidence.findIndex(({ at }) => at === lit) + 1;
  const go = (step: 1 | -1): void => {
    const next = stepOf(evidence, lit, step);
    if (next) show(next.at, next.passage);
  };
  return (
    <div class="walker" role="group" aria-label={t('evidence')}>
      <button type="button" class="tool tool-back" aria-label={t('evidencePrevious')} title={t('evidencePrevious')} aria-keyshortcuts="Alt+ArrowUp" onClick={() => go(-1)}><Icon name="chevron" /></button>
      <span class="walker-place" role="status">
        <span aria-hidden="true">{place > 0 ? `${place}/${evidence.length}` : evidence.length}</span>
        <span class="sr-only">{place > 0 ? t('evidencePlace', place, evidence.length) : ''}</span>
      </span>
      <button type="button" class="tool" aria-label={t('evidenceNext')} title={t('evidenceNext')} aria-keyshortcuts="Alt+ArrowDown" onClick={() => go(1)}><Icon name="chevron" /></button>
    </div>
  );
}

/** Alt+Down and Alt+Up walk the answer whose evidence is lit, else the one that has the focus, else the last with evidence. */
export function useWalkKeys(store: Store): void {
  useEffect(() => {
    const aborter = new AbortController();
    const onKey = (event: KeyboardEvent): void => {
      const step = event.altKey && !event.ctrlKey && !event.metaKey ? ({ ArrowDown: 1, ArrowUp: -1 } as const)[event.key as 'ArrowDown'] : undefined;
      const { target } = event;
      if (!step || (target instanceof HTMLTextAreaElement && target.value !== '')) return; // there the keys move the caret
      const found = walked(store.state, target instanceof Element ? (target.closest<HTMLElement>('[data-run]')?.dataset['run'] ?? '') : '');
      const next = found && stepOf(found.evidence, litIn(found.run, store.state.lit), step);
      if (!next) return;
      event.preventDefault();
      void store.show(next.passage, { run: found.run, at: next.at });
    };
    addEventListener('keydown', onKey, { signal: aborter.signal });
    return () => aborter.abort();
  }, [store]);
}

function walked({ turns: all, lit, page }: State, focused: string): { run: string; evidence: Evidence[] } | undefined {
  const turns = all.flatMap(answersOf);
  const blocks = page.text?.blocks.length ?? 0;
  const inOrder = [...turns.filter(({ run }) => run === lit?.run), ...turns.filter(({ run }) => run === focused), ...turns.toReversed()];
  return inOrder.map((turn: Turn) => ({ run: turn.run, evidence: evidenceOf(turn, blocks) })).find(({ evidence }) => evidence.length > 0);
}
