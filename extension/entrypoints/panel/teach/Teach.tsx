// What is taught to the copilot that is chosen, laid over the conversation: corrections, training, report. Called by App, loaded later.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State, TeachOpen } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import { Corrections } from './Corrections.tsx';
import { EditorView } from './EditorView.tsx';
import { Progress } from './Progress.tsx';
import { Report } from './Report.tsx';
import { type Taught, type Teaching, teachingOf } from './teaching.ts';

type Section = TeachOpen['section'];
const SECTIONS: Section[] = ['corrections', 'training', 'report'];

export function useTaught(teaching: Teaching): Taught {
  const [taught, setTaught] = useState(teaching.taught);
  useEffect(() => {
    setTaught(teaching.taught);
    return teaching.subscribe(() => setTaught(teaching.taught));
  }, [teaching]);
  return taught;
}

export function Teach({ store, state, teach }: { store: Store; state: State; teach: TeachOpen }) {
  const teaching = teachingOf(store);
  const taught = useTaught(teaching);
  const { correct, section } = teach;
  const copilot = correct?.copilot ?? taught.editor?.copilot ?? store.current?.id ?? '';
  const isLinked = state.link.status === 'ready';
  useEffect(() => {
    if (isLinked && copilot) void teaching.show(copilot);
  }, [teaching, copilot, isLinked]);
  useEffect(() => {
    if (!correct) return;
    teaching.correct(correct);
    store.showTeach({ section: 'corrections', correct: null });
  }, [teaching, store, correct]);
  const show = (name: Section): void => store.showTeach({ section: name, correct: null });
  const name = store.nameOf(copilot);
  return (
    <div class="picker teach" role="dialog" aria-label={t('teachTitle', name)}>
      <div class="teach-head">
        <h2 class="teach-title">{t('teachTitle', name)}</h2>
        <button type="button" class="tool" aria-label={t('teachClose')} title={t('teachClose')} onClick={() => store.showTeach(null)}><Icon name="close" /></button>
      </div>
      {!taught.editor && <Tabs section={section} show={show} unused={taught.unused} />}
      <div class="teach-body" id="teach-body" role={taught.editor ? undefined : 'tabpanel'} aria-labelledby={taught.editor ? undefined : `teach-${section}`} tabIndex={taught.editor ? undefined : 0}>
        {taught.trouble && <Trouble words={taught.trouble} again={() => void teaching.show(copilot)} />}
        {taught.editor ? <EditorView teaching={teaching} editor={taught.editor} state={state} />
          : section === 'corrections' ? <Corrections teaching={teaching} taught={taught} train={() => show('training')} />
          : section === 'training' ? <Progress store={store} state={state} taught={taught} showReport={() => show('report')} />
          : <Report store={store} state={state} teaching={teaching} taught={taught} />}
      </div>
      <p class="sr-only" role="status">{taught.said}</p>
    </div>
  );
}

/** One stop for Tab; the arrows go from one to the next. */
function Tabs({ section, show, unused }: { section: Section; show: (section: Section) => void; unused: number }) {
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => row.current?.querySelector<HTMLElement>('[aria-selected=true]')?.focus(), [section]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const isMirrored = getComputedStyle(event.currentTarget as Element).direction === 'rtl';
    show(SECTIONS.at((SECTIONS.indexOf(section) + (isMirrored ? -step : step)) % SECTIONS.length) ?? section);
  };
  return (
    <div class="tabs" role="tablist" tabIndex={-1} aria-label={t('teachSections')} ref={row} onKeyDown={onKeyDown}>
      {SECTIONS.map((name) => (
        <button key={name} type="button" class="tab" role="tab" id={`teach-${name}`} aria-controls="teach-body" aria-selected={name === section} tabIndex={name === section ? 0 : -1} onClick={() => show(name)}>
          {t(`${name}TabTitle`)}
          {name === 'corrections' && unused > 0 && <span class="tab-count">{unused}</span>}
        </button>
      ))}
    </div>
  );
}

function Trouble({ words, again }: { words: string; again: () => void }) {
  return (
    <p class="notice notice-bad" role="alert">
      <span>{words}</span>
      <button type="button" class="action" onClick={again}>{t('retry')}</button>
    </p>
  );
}
