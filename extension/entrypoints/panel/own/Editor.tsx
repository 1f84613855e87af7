// One copilot of one's own as it is written: who it is, what the model reads, its forms and checks, a trial. Called by View.
// What is wrong comes from the server while one writes, and stands under its field.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { SeenButton } from '../host/SeenButton.tsx';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import { Checks } from './Checks.tsx';
import { faultOf, listed } from './draft.ts';
import { describedBy, Field } from './Field.tsx';
import { Forms } from './Forms.tsx';
import { Instructions } from './Instructions.tsx';
import { Naming } from './Naming.tsx';
import type { Editing, EditorProps, Own } from './own.ts';
import { Starters } from './Starters.tsx';
import { Trial } from './Trial.tsx';

export function Editor(props: EditorProps) {
  const { own, editing, store, state } = props;
  const { draft } = editing;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  const faults = useShownFaults(editing);
  return (
    <>
      <div class="own-head">
        <button type="button" class="tool" title={t('ownBack')} aria-label={t('ownBack')} onClick={own.leave}><Icon name="previous" /></button>
        <h2 class="own-title" tabIndex={-1} ref={title}>{draft.name || t('ownNew')}</h2>
      </div>
      <form class="options own-form" aria-label={draft.name || t('ownNew')} onSubmit={(event) => event.preventDefault()}>
        <Naming {...props} faults={faults} />
        <Field id="own-promise" label={t('ownPromise')} hint={t('ownPromiseHint')} fault={faultOf(faults, 'promise')}>
          <input id="own-promise" value={draft.promise} aria-describedby={describedBy('own-promise')} onInput={(event) => own.write({ ...draft, promise: event.currentTarget.value })} />
        </Field>
        <Instructions own={own} editing={editing} fault={faultOf(faults, 'instructions')} />
        <Starters own={own} draft={draft} faults={faults} />
        <Hints own={own} editing={editing} fault={faultOf(faults, 'hints')} />
        <Forms own={own} draft={draft} faults={faults} />
        <Checks own={own} editing={editing} faults={faults} />
        <Trial own={own} editing={editing} store={store} state={state} />
      </form>
      <Foot own={own} editing={editing} state={state} />
    </>
  );
}

/** A new one is not scolded for fields that nobody has come to yet. */
function useShownFaults({ draft, state, isDirty, isFixed, refusal }: Editing): NonNullable<Editing['state']>['faults'] {
  const all = state?.faults ?? [];
  if (isFixed || refusal) return all;
  const isEmpty = (field: string): boolean => (field === 'name' || field === 'promise' || field === 'copilot') && draft[field].replace(/^.*\/$/, '') === '';
  return isDirty ? all.filter(({ field }) => !isEmpty(field)) : [];
}

/** The words as they are written: split at commas only when they are taken up. */
function Hints({ own, editing: { draft }, fault }: { own: Own; editing: Editing; fault: string }) {
  const field = useRef<HTMLInputElement>(null);
  const words = draft.hints.join(', ');
  useEffect(() => {
    if (field.current && listed(field.current.value).join(', ') !== words) field.current.value = words;
  }, [words]);
  return (
    <Field id="own-hints" label={t('ownHints')} hint={t('ownHintsHint')} fault={fault}>
      <input id="own-hints" ref={field} defaultValue={words} aria-describedby={describedBy('own-hints')} onInput={(event) => own.write({ ...draft, hints: listed(event.currentTarget.value) })} />
    </Field>
  );
}

function Foot({ own, editing, state }: { own: Own; editing: Editing; state: State }) {
  const { refusal, state: said, seen } = editing;
  const isEdited = refusal?.code === 'copilot_edited';
  const notice = refusal?.message ?? (said?.exists && seen === null ? t('ownExists') : '');
  return (
    <div class="history-foot own-foot">
      <p role="status" class={refusal ? 'notice-bad' : ''}>{notice || (said?.shadows ? t('ownShadows') : '')}</p>
      {isEdited && <button type="button" class="action" onClick={() => void own.settle(true)}>{t('ownTakeTheirs')}</button>}
      {isEdited && <button type="button" class="action" onClick={() => void own.settle(false)}>{t('ownKeepMine')}</button>}
      <span class="own-save"><SeenButton host={state.host} name="ownSave" act={() => void own.save()} /></span>
    </div>
  );
}
