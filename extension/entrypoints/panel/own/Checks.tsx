// What finished answers are held to beside their form: checks from the generated list, with their parameters. Called by Editor.
import { CHECKS, type CheckInfo, type Parameter } from '../../../lib/checks.ts';
import type { CheckChoice, DraftFault } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { Icon } from '../Icon.tsx';
import { faultOf, listed } from './draft.ts';
import { Group } from './Field.tsx';
import type { Editing, Own } from './own.ts';

type Value = CheckChoice['parameters'][string];

export function Checks({ own, editing: { draft, state }, faults }: { own: Own; editing: Editing; faults: DraftFault[] }) {
  const checks = draft.checks;
  const write = (all: CheckChoice[]): void => own.write({ ...draft, checks: all });
  const shown = checks.flatMap((choice, at) => (choice.check === 'form' ? [] : [{ choice, at }]));
  const offered = CHECKS.filter(({ name }) => name !== 'form');
  const inherited = (state?.inherited_checks ?? []).map(spoken).join(', ');
  const add = (select: HTMLSelectElement): void => {
    if (select.value) write([...checks, { check: select.value, parameters: {} }]);
    select.value = '';
  };
  return (
    <Group id="own-checks" label={t('ownChecks')} hint={inherited ? t('ownChecksInherited', inherited) : t('ownChecksHint')}>
      {shown.map(({ choice, at }) => (
        <Check
          key={`${at}-${choice.check}`} choice={choice} fault={faultOf(faults, `checks.${at}`)}
          write={(one) => write(checks.with(at, one))} remove={() => write(checks.toSpliced(at, 1))}
        />
      ))}
      <select aria-label={t('ownCheckAdd')} onChange={(event) => add(event.currentTarget)}>
        <option value="">{t('ownCheckAdd')}</option>
        {offered.map(({ name }) => <option key={name} value={name}>{spoken(name)}</option>)}
      </select>
    </Group>
  );
}

function Check({ choice, fault, write, remove }: { choice: CheckChoice; fault: string; write: (choice: CheckChoice) => void; remove: () => void }) {
  const info: CheckInfo | undefined = CHECKS.find(({ name }) => name === choice.check);
  const values = choice.parameters;
  const set = (name: string, value: Value | undefined): void => {
    const { [name]: _, ...others } = values;
    write({ ...choice, parameters: value === undefined ? others : { ...others, [name]: value } });
  };
  return (
    <div class="own-check">
      <p class="own-check-name">{spoken(choice.check)}</p>
      <button type="button" class="tool" title={t('ownCheckRemove', spoken(choice.check))} aria-label={t('ownCheckRemove', spoken(choice.check))} onClick={remove}><Icon name="close" /></button>
      <p class="own-hint">{info?.about.replaceAll('`', '')}</p>
      {info?.parameters.map((one) => <Setting key={one.name} parameter={one} value={values[one.name]} set={(value) => set(one.name, value)} />)}
      <p class="own-fault" aria-live="polite">{fault}</p>
    </div>
  );
}

/** An empty field is as it would be anyway. */
function Setting({ parameter, value, set }: { parameter: Parameter; value: Value | undefined; set: (value: Value | undefined) => void }) {
  const { kind, name, preset, options } = parameter;
  if (kind === 'flag') return <label class="own-inline own-flag"><input type="checkbox" checked={value === true} onChange={(event) => set(event.currentTarget.checked || undefined)} />{spoken(name)}</label>;
  if (kind === 'choice') {
    return (
      <label class="own-inline">
        {spoken(name)}
        <select value={typeof value === 'string' ? value : preset} onChange={(event) => set(event.currentTarget.value)}>
          {options.map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </label>
    );
  }
  const read = (words: string): Value | undefined => {
    if (words.trim() === '') return undefined;
    if (kind === 'number') return Number.isFinite(Number(words)) ? Number(words) : words;
    return kind === 'text' ? words : listed(words);
  };
  const shown = Array.isArray(value) ? value.join(', ') : typeof value === 'object' ? '' : String(value ?? '');
  return (
    <label class="own-inline">
      {spoken(name)}
      <input defaultValue={shown} inputMode={kind === 'number' ? 'decimal' : 'text'} placeholder={kind === 'texts' && !preset ? t('ownCommas') : preset} onInput={(event) => set(read(event.currentTarget.value))} />
    </label>
  );
}

function spoken(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
