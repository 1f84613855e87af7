// The list of copilots: search, suggestions for this page, recent ones, categories; all by keyboard. Called by App.
// Order and matching are lib/picker's; this draws them as a combobox with a listbox.
import { useEffect, useRef, useState } from 'preact/hooks';
import { search, type Section, sections } from '../../lib/picker.ts';
import type { CopilotCard, SuggestedCopilot } from '../../lib/connection/protocol.ts';
import { t } from '../../lib/words.ts';
import { Badge } from './Header.tsx';
import { CategoryIcon } from './Icon.tsx';
import type { State } from './state/state.ts';
import type { Store } from './state/store.ts';
import type { Turn } from './state/thread.ts';

/** What the picker was opened for: to switch, or to ask a turn's question again. */
export type Picking = 'switch' | Turn;

interface Props {
  store: Store;
  state: State;
  picking: Picking;
  onDone: () => void;
}

export function Picker({ store, state, picking, onDone }: Props) {
  const [query, setQuery] = useState('');
  const [active, setActive] = useState(0);
  const list = useSections(store, state, query);
  const cards = list.flatMap((section) => section.cards);
  const pick = (card: CopilotCard | undefined): void => {
    if (!card) return;
    if (picking === 'switch') store.choose(card.id);
    else store.again(picking, card.id);
    onDone();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[event.key];
    if (event.key === 'Enter' && !event.isComposing) pick(cards[active]);
    else if (step) setActive(Math.min(cards.length - 1, Math.max(0, active + step)));
    else return;
    event.preventDefault();
  };
  return (
    <div class="picker" role="dialog" aria-label={t('pickerTitle')}>
      <SearchField query={query} activeId={cards.length > 0 ? `option-${active}` : ''} onKeyDown={onKeyDown} onInput={(words) => (setQuery(words), setActive(0))} />
      {picking !== 'switch' && <p class="picker-note">{t('pickerAgain', picking.question)}</p>}
      <Options list={list} active={active} current={store.current?.id ?? ''} suggested={state.page.suggested} pick={pick} />
    </div>
  );
}

function useSections(store: Store, state: State, query: string): Section[] {
  const suggested = state.page.suggested.flatMap(({ copilot }) => store.copilots.find((card) => card.id === copilot) ?? []);
  if (query.trim() !== '') return [{ id: 'found', name: '', icon: '', cards: search(store.copilots, query) }];
  return sections(store.copilots, state.recent, suggested);
}

interface SearchProps {
  query: string;
  activeId: string;
  onKeyDown: (event: KeyboardEvent) => void;
  onInput: (words: string) => void;
}

function SearchField({ query, activeId, onKeyDown, onInput }: SearchProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <input
      ref={field}
      class="search"
      type="text"
      role="combobox"
      aria-expanded="true"
      aria-controls="copilots"
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

interface OptionsProps {
  list: Section[];
  active: number;
  current: string;
  suggested: SuggestedCopilot[];
  pick: (card: CopilotCard) => void;
}

function Options({ list, active, current, suggested, pick }: OptionsProps) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }), [active, list]);
  let index = -1;
  const total = list.reduce((sum, section) => sum + section.cards.length, 0);
  return (
    <div class="options" id="copilots" role="listbox" aria-label={t('pickerTitle')} tabIndex={-1} ref={box}>
      {total === 0 && <p class="none">{t('pickerNone')}</p>}
      {list.map((section) => (
        <div key={section.id} role="group" aria-label={nameOf(section)}>
          {section.id !== 'found' && <div class="group-name" aria-hidden="true"><CategoryIcon name={section.icon} />{nameOf(section)}</div>}
          {section.cards.map((card) => {
            index += 1;
            const why = section.id === 'suggested' ? whyOf(suggested, card) : '';
            return <Option key={card.id} card={card} why={why} id={`option-${index}`} isActive={index === active} isCurrent={card.id === current} pick={pick} />;
          })}
        </div>
      ))}
    </div>
  );
}

interface OptionProps {
  card: CopilotCard;
  why: string;
  id: string;
  isActive: boolean;
  isCurrent: boolean;
  pick: (card: CopilotCard) => void;
}

function Option({ card, why, id, isActive, isCurrent, pick }: OptionProps) {
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the search field has both
    <div class={`option${isCurrent ? ' option-current' : ''}`} id={id} role="option" aria-selected={isActive} onClick={() => pick(card)}>
      <span class="option-name">
        {card.name} <Badge mode={card.mode} category={card.category_name} refused={card.refused} />
      </span>
      <span class="option-promise">{card.promise}</span>
      {why && <span class="option-why">{why}</span>}
    </div>
  );
}

/** Why a copilot is suggested: words of the page. */
function whyOf(suggested: SuggestedCopilot[], card: CopilotCard): string {
  const words = suggested.find(({ copilot }) => copilot === card.id)?.why ?? [];
  return words.length > 0 ? t('suggestedWhy', words.map((word) => `“${word}”`).join(', ')) : t('suggestedNear');
}

function nameOf(section: Section): string {
  return section.name || t(`section_${section.id}`);
}
