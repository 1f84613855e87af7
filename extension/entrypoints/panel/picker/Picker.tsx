// The list of copilots: a combobox with a listbox, all by keyboard. Called by App.
// Order and matching are lib/picker's, keys are keys'; Options draws the list.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { search, type Section, sections } from '../../../lib/picker.ts';
import { isPreset, presetCards } from '../../../lib/several.ts';
import type { CopilotCard } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import type { State } from '../state/state.ts';
import type { Store } from '../state/store.ts';
import type { Turn } from '../state/thread.ts';
import { Chosen } from './Chosen.tsx';
import { useChoosing } from './choosing.ts';
import { actOf } from './keys.ts';
import { Options } from './Options.tsx';

/** What the picker was opened for: to switch, or to ask a turn's question again. */
export type Picking = 'switch' | Turn;

const PRESETS_FIRST = 3;

interface Props {
  store: Store;
  state: State;
  picking: Picking;
  onDone: () => void;
}

export function Picker({ store, state, picking, onDone }: Props) {
  const [query, setQuery] = useState('');
  const [active, setActive] = useState(0);
  const choosing = useChoosing(store, picking === 'switch');
  const isSeveral = choosing.isOn;
  const list = useSections(store.copilots, state, query, isSeveral);
  const cards = list.flatMap((section) => section.cards);
  const place = Math.min(active, cards.length - 1);
  const field = useFocused(isSeveral);
  const pick = (card: CopilotCard | undefined): void => {
    if (!card) return;
    if (isSeveral) return choosing.check(card);
    if (picking === 'switch') store.choose(card.id);
    else store.again(picking, card.id);
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isSeveral && event.key === 'Enter' && (event.ctrlKey || event.metaKey)) return choosing.done(onDone);
    const act = actOf(event, { active: place, total: cards.length, isEmpty: query === '' });
    if (!act) return;
    event.preventDefault();
    if (act.do === 'go' || isSeveral) setActive(act.place);
    const card = cards[act.place];
    if (act.do === 'pick') pick(card);
    if (act.do === 'star' && card && !isPreset(card)) store.star(card.id);
  };
  return (
    <div class="picker" role="dialog" aria-label={t(isSeveral ? 'pickerSeveral' : 'pickerTitle')}>
      <div class="picker-top">
        <SearchField field={field} query={query} activeId={cards.length > 0 ? `option-${place}` : undefined} onKeyDown={onKeyDown} onInput={(words) => (setQuery(words), setActive(0))} />
        {picking === 'switch' && <Switch isOn={isSeveral} turn={() => (choosing.turn(), setActive(0))} />}
      </div>
      {picking !== 'switch' && <p class="picker-note">{t('pickerAgain', picking.question)}</p>}
      <Options list={list} query={query} active={place} current={store.current?.id ?? ''} favourites={state.favourites} suggested={state.page.suggested} marksOf={isSeveral ? choosing.marksOf : null} pick={pick} star={store.star} />
      {isSeveral && <Chosen cards={choosing.cards} remove={choosing.remove} done={() => choosing.done(onDone)} />}
      {!isSeveral && <Foot card={cards[place]} state={state} store={store} openOwn={() => (onDone(), store.showOwn(true))} />}
      <p class="sr-only" role="status">{cards.length > 0 ? t('pickerCount', cards.length) : t('pickerNone')}</p>
    </div>
  );
}

function useSections(cards: CopilotCard[], { page, favourites, recent, link }: State, query: string, isSeveral: boolean): Section[] {
  const panels = link.ready?.panels;
  return useMemo(() => {
    const suggested = page.suggested.map(({ copilot }) => copilot);
    const presets = isSeveral ? presetCards(panels ?? [], cards, suggested) : [];
    if (query.trim() !== '') return [{ id: 'found', name: '', icon: '', cards: search([...presets, ...cards], query) }];
    const panelled = (id: string, some: CopilotCard[]): Section[] => (some.length > 0 ? [{ id, name: '', icon: '', cards: some }] : []);
    const first = panelled('panels', presets.slice(0, PRESETS_FIRST));
    return [...first, ...sections(cards, { suggested, favourites, recent }), ...panelled('morePanels', presets.slice(PRESETS_FIRST))];
  }, [cards, panels, page.suggested, favourites, recent, query, isSeveral]);
}

/** The field has the focus at first, and again when the list becomes another. */
function useFocused(list: unknown): { current: HTMLInputElement | null } {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), [list]);
  return field;
}

interface SearchProps {
  field: { current: HTMLInputElement | null };
  query: string;
  activeId: string | undefined;
  onKeyDown: (event: KeyboardEvent) => void;
  onInput: (words: string) => void;
}

function SearchField({ field, query, activeId, onKeyDown, onInput }: SearchProps) {
  return (
    <input
      ref={field}
      class="search"
      dir="auto"
      type="text"
      role="combobox"
      aria-expanded="true"
      aria-controls="copilots"
      aria-autocomplete="list"
      aria-activedescendant={activeId}
      aria-label={t('pickerSearch')}
      placeholder={t('pickerSearch')}
      autocomplete="off"
      spellcheck={false}
      value={query}
      onInput={(event) => onInput(event.currentTarget.value)}
      onKeyDown={onKeyDown}
    />
  );
}

/** The favourite's star for the keyboard (a button may not stand inside an option), and the way to the user's own. */
function Foot({ card, state, store, openOwn }: { card: CopilotCard | undefined; state: State; store: Store; openOwn: () => void }) {
  return (
    <div class="picker-foot">
      {card ? <Favourite card={card} isOn={state.favourites.includes(card.id)} star={store.star} /> : <span />}
      <button type="button" class="action picker-own" onClick={openOwn}>{t('own')}</button>
    </div>
  );
}

/** One copilot or several. */
function Switch({ isOn, turn }: { isOn: boolean; turn: () => void }) {
  return (
    <button type="button" class="action picker-several" aria-pressed={isOn} onClick={turn}>
      <Icon name="others" />
      {t('askSeveral')}
    </button>
  );
}

function Favourite({ card, isOn, star }: { card: CopilotCard; isOn: boolean; star: (copilot: string) => void }) {
  const words = t(isOn ? 'favouriteRemove' : 'favouriteAdd', card.name);
  return (
    <>
      <button type="button" class="action" aria-keyshortcuts="Alt+S" onClick={() => star(card.id)}>
        <Icon name={isOn ? 'starred' : 'star'} />
        <span class="picker-foot-words">{words}</span>
      </button>
      <kbd aria-hidden="true">Alt S</kbd>
    </>
  );
}
