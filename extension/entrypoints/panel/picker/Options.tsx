// The picker's listbox: sections with icons, options with number, star and reason. Called by Picker, which has the focus and the keys.
import { useEffect, useRef } from 'preact/hooks';
import type { CopilotCard, SuggestedCopilot } from '../../../lib/connection/protocol.ts';
import type { Section } from '../../../lib/picker.ts';
import { isPreset } from '../../../lib/several.ts';
import { t } from '../../../lib/words.ts';
import { Badge } from '../Header.tsx';
import { CategoryIcon, Icon } from '../Icon.tsx';
import type { Choosing } from './choosing.ts';
import { digitFor } from './keys.ts';

interface Props {
  list: Section[];
  query: string;
  active: number;
  current: string;
  favourites: string[];
  suggested: SuggestedCopilot[];
  /** While several are chosen: what an option's box shows. Null while one is. */
  marksOf: Choosing['marksOf'] | null;
  pick: (card: CopilotCard) => void;
  star: (copilot: string) => void;
}

export function Options({ list, query, active, current, favourites, suggested, marksOf, pick, star }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => reveal(box.current, active), [active, query]);
  let place = -1;
  return (
    <div class="options" id="copilots" role="listbox" aria-multiselectable={marksOf !== null} aria-label={t('pickerTitle')} tabIndex={-1} ref={box}>
      {list.every((section) => section.cards.length === 0) && <p class="none">{t('pickerNone')}</p>}
      {list.map((section) => (
        <div key={section.id} role="group" aria-label={nameOf(section)}>
          {section.id !== 'found' && (
            <div class="group-name" aria-hidden="true">
              <SectionIcon section={section} />
              {nameOf(section)}
            </div>
          )}
          {section.cards.map((card) => {
            place += 1;
            const why = section.id === 'suggested' ? whyOf(suggested, card) : '';
            const marks = { isActive: place === active, isCurrent: card.id === current, isFavourite: favourites.includes(card.id), isNumbered: query === '' };
            return <Option key={card.id} card={card} why={why} place={place} {...marks} box={marksOf?.(card) ?? null} pick={pick} star={isPreset(card) ? null : star} />;
          })}
        </div>
      ))}
    </div>
  );
}

interface OptionProps {
  card: CopilotCard;
  why: string;
  place: number;
  isActive: boolean;
  isCurrent: boolean;
  isFavourite: boolean;
  /** Its digit alone chooses it. */
  isNumbered: boolean;
  box: ReturnType<Choosing['marksOf']> | null;
  pick: (card: CopilotCard) => void;
  /** Null for what cannot be a favourite. */
  star: ((copilot: string) => void) | null;
}

function Option({ card, why, place, isActive, isCurrent, isFavourite, isNumbered, box, pick, star }: OptionProps) {
  const digit = digitFor(place);
  return (
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the search field has both
    <div
      class={`option${isActive ? ' option-active' : ''}${isCurrent && !box ? ' option-current' : ''}${box?.isFull ? ' option-full' : ''}`}
      id={`option-${place}`}
      role="option"
      aria-selected={box ? box.isChecked : isActive}
      aria-disabled={box?.isFull ? 'true' : undefined}
      aria-current={isCurrent && !box ? 'true' : undefined}
      aria-keyshortcuts={digit ? `Alt+${digit}` : undefined}
      onClick={() => pick(card)}
    >
      <span class="option-name">
        {box && <span class="option-box" aria-hidden="true"><Icon name="check" /></span>}
        <bdi class="option-words">{card.name}</bdi> <Badge mode={card.mode} category={card.category_name} refused={card.refused} />
        {card.own && <span class="badge">{t('ownMark')}</span>}
        {isPreset(card) && <span class="badge">{t('panel')}</span>}
        {isFavourite && <span class="sr-only">{t('favourite')}</span>}
      </span>
      <span class="option-promise"><bdi>{card.promise}</bdi></span>
      {why && <span class="option-why">{why}</span>}
      {star && <Star isOn={isFavourite} star={() => star(card.id)} />}
      {digit && isNumbered && <kbd class="option-digit" aria-hidden="true">{digit}</kbd>}
    </div>
  );
}

/** For the pointer; the keyboard has Alt+S and the button below the list. */
function Star({ isOn, star }: { isOn: boolean; star: () => void }) {
  const onClick = (event: MouseEvent): void => {
    event.stopPropagation();
    star();
  };
  return (
    <span class={`option-star${isOn ? ' option-starred' : ''}`} aria-hidden="true" onClick={onClick}>
      <Icon name={isOn ? 'starred' : 'star'} />
    </span>
  );
}

function SectionIcon({ section }: { section: Section }) {
  if (section.id === 'favourites') return <Icon name="starred" />;
  if (section.id === 'recent') return <Icon name="clock" />;
  if (section.id === 'panels' || section.id === 'morePanels') return <Icon name="others" />;
  return <CategoryIcon name={section.id === 'suggested' ? 'sparkles' : section.icon} />;
}

/** The first option shows its section's name, too. */
function reveal(box: HTMLElement | null, active: number): void {
  if (active === 0) box?.scrollTo({ top: 0 });
  else box?.querySelector('.option-active')?.scrollIntoView({ block: 'nearest' });
}

/** Why a copilot is suggested: words of the page. */
function whyOf(suggested: SuggestedCopilot[], card: CopilotCard): string {
  const words = suggested.find(({ copilot }) => copilot === card.id)?.why ?? [];
  return words.length > 0 ? t('suggestedWhy', words.map((word) => `“${word}”`).join(', ')) : t('suggestedNear');
}

function nameOf(section: Section): string {
  return section.name || t(`section_${section.id}`);
}
