// The questions that the sidebar offers, as a list that can be edited by keyboard: Enter adds one. Called by Editor.
import { useEffect, useRef } from 'preact/hooks';
import type { CopilotDraft, DraftFault } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import { faultOf, STARTERS_MAX } from './draft.ts';
import { Group } from './Field.tsx';
import type { Own } from './own.ts';

export function Starters({ own, draft, faults }: { own: Own; draft: CopilotDraft; faults: DraftFault[] }) {
  const list = useRef<HTMLOListElement>(null);
  const wanted = useRef<number | null>(null);
  const starters = draft.starters;
  useEffect(() => {
    if (wanted.current === null) return;
    list.current?.querySelectorAll('input').item(wanted.current)?.focus();
    wanted.current = null;
  }, [starters.length]);
  const write = (lines: string[], focus: number | null = null): void => {
    wanted.current = focus;
    own.write({ ...draft, starters: lines });
  };
  const add = (after: number): void => {
    if (starters.length < STARTERS_MAX) write(starters.toSpliced(after + 1, 0, ''), after + 1);
  };
  const onKeyDown = (event: KeyboardEvent, place: number): void => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    add(place);
  };
  return (
    <Group id="own-starters" label={t('ownStarters')} hint={t('ownStartersHint')} fault={faultOf(faults, 'starters')}>
      <ol class="own-lines" ref={list}>
        {starters.map((text, place) => (
          // oxlint-disable-next-line react/no-array-index-key -- a line is its place
          <li key={place} class="own-line">
            <input value={text} aria-label={t('ownStarter', place + 1)} onKeyDown={(event) => onKeyDown(event, place)} onInput={(event) => write(starters.with(place, event.currentTarget.value))} />
            <button type="button" class="tool" title={t('ownStarterRemove', place + 1)} aria-label={t('ownStarterRemove', place + 1)} onClick={() => write(starters.toSpliced(place, 1), Math.max(0, place - 1))}><Icon name="close" /></button>
          </li>
        ))}
      </ol>
      {starters.length < STARTERS_MAX && <button type="button" class="action" onClick={() => add(starters.length)}><Icon name="plus" />{t('ownStarterAdd')}</button>}
    </Group>
  );
}
