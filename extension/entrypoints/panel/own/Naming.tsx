// Name, category and, from them, the id of a copilot. Called by Editor. An id that is on the disk stays.
import { useState } from 'preact/hooks';
import type { DraftFault } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { categoryOf, faultOf, moved, named, slugOf } from './draft.ts';
import { describedBy, Field } from './Field.tsx';
import type { EditorProps } from './own.ts';

const NEW = ' '; // no category is called so

export function Naming({ own, editing: { draft, isFixed }, store, faults }: EditorProps & { faults: DraftFault[] }) {
  const write = (name: string): void => own.write(isFixed ? { ...draft, name } : named(draft, name));
  const id = draft.copilot.endsWith('/') ? '' : draft.copilot;
  return (
    <>
      <Field id="own-name" label={t('ownName')} hint={id && t('ownId', id)} fault={faultOf(faults, 'name') || faultOf(faults, 'copilot')}>
        <input id="own-name" value={draft.name} aria-describedby={describedBy('own-name')} onInput={(event) => write(event.currentTarget.value)} />
      </Field>
      {!isFixed && <Category category={categoryOf(draft)} known={categoriesOf(store.copilots)} choose={(category) => own.write(moved(draft, category))} />}
    </>
  );
}

function Category({ category, known, choose }: { category: string; known: Map<string, string>; choose: (category: string) => void }) {
  const [words, setWords] = useState(known.has(category) ? null : category.replaceAll('-', ' '));
  const pick = (value: string): void => {
    setWords(value === NEW ? '' : null);
    choose(value === NEW ? '' : value);
  };
  const write = (value: string): void => {
    setWords(value);
    choose(slugOf(value));
  };
  return (
    <Field id="own-category" label={t('ownCategory')} hint={t('ownCategoryHint')}>
      <select id="own-category" value={words === null ? category : NEW} aria-describedby="own-category-hint" onChange={(event) => pick(event.currentTarget.value)}>
        {[...known].map(([slug, name]) => <option key={slug} value={slug}>{name}</option>)}
        <option value={NEW}>{t('ownCategoryNew')}</option>
      </select>
      {words !== null && <input class="own-second" value={words} aria-label={t('ownCategoryName')} placeholder={t('ownCategoryName')} onInput={(event) => write(event.currentTarget.value)} />}
    </Field>
  );
}

function categoriesOf(cards: { category: string; category_name: string }[]): Map<string, string> {
  const found = new Map(cards.map(({ category, category_name }) => [category, category_name]));
  found.delete('general'); // the generalist's own
  return found;
}
