// What the model reads before each question, with the server's count of its tokens. Called by Editor.
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../../lib/words.ts';
import { describedBy, Field } from './Field.tsx';
import type { Editing, Own } from './own.ts';

export function Instructions({ own, editing: { draft, state }, fault }: { own: Own; editing: Editing; fault: string }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  }, [draft.instructions]);
  const inherited = state?.inherited_instructions ?? '';
  return (
    <Field id="own-instructions" label={t('ownInstructions')} hint={t('ownInstructionsHint')} fault={fault}>
      {inherited && <p class="own-inherited">{t('ownInherited', inherited)}</p>}
      <textarea id="own-instructions" ref={field} rows={4} value={draft.instructions} aria-describedby={`${describedBy('own-instructions')} own-tokens`} onInput={(event) => own.write({ ...draft, instructions: event.currentTarget.value })} />
      {state && <Meter tokens={state.tokens} most={state.tokens_max} />}
    </Field>
  );
}

function Meter({ tokens, most }: { tokens: number; most: number }) {
  return (
    <p class={`own-meter${tokens > most ? ' own-over' : ''}`} id="own-tokens">
      <meter min={0} max={most} high={most * 0.9} value={Math.min(tokens, most)} aria-hidden="true" />
      {t('ownTokens', tokens.toLocaleString(), most.toLocaleString())}
    </p>
  );
}
