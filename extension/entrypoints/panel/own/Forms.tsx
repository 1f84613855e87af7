// Which of the six forms the answers have, each with a sample; the words of a verdict, the closing line. Called by Editor.
import type { CopilotDraft, DraftFault } from '../../../lib/connection/protocol.ts';
import { t } from '../../../lib/words.ts';
import { faultOf, type FormChoice, formOf, FORMS, listed, withForm } from './draft.ts';
import { Group } from './Field.tsx';
import type { Own } from './own.ts';

export function Forms({ own, draft, faults }: { own: Own; draft: CopilotDraft; faults: DraftFault[] }) {
  const checks = draft.checks;
  const chosen = formOf(checks);
  const write = (part: Partial<FormChoice>): void => own.write({ ...draft, checks: withForm(checks, { ...chosen, ...part }) });
  const toggle = (form: string): void => write({ forms: FORMS.filter((one) => (one === form) !== chosen.forms.includes(one)) });
  const at = checks.findIndex(({ check }) => check === 'form');
  return (
    <Group id="own-forms" label={t('ownForms')} hint={t('ownFormsHint')} fault={at < 0 ? '' : faultOf(faults, `checks.${at}`)}>
      <div class="own-forms">
        {FORMS.map((form) => (
          <label key={form} class="own-form-choice">
            <input type="checkbox" checked={chosen.forms.includes(form)} onChange={() => toggle(form)} />
            <span class="own-form-name">{t(`${form}Title`)}</span>
            <span class="own-form-sample" aria-hidden="true">{t(`${form}Text`)}</span>
          </label>
        ))}
      </div>
      {chosen.forms.includes('verdict') && (
        <label class="own-inline">
          {t('ownVerdicts')}
          <input defaultValue={chosen.verdicts.join(', ')} placeholder={t('ownVerdictsSample')} onInput={(event) => write({ verdicts: listed(event.currentTarget.value) })} />
        </label>
      )}
      {chosen.forms.length > 0 && (
        <label class="own-inline">
          {t('ownClosing')}
          <input value={chosen.closing} placeholder={t('ownClosingSample')} onInput={(event) => write({ closing: event.currentTarget.value })} />
        </label>
      )}
    </Group>
  );
}
