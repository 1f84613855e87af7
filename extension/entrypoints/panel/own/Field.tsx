// A labelled field of the editor with its hint and its fault. Called by the editor's parts.
import type { ComponentChildren } from 'preact';

interface Props {
  id: string;
  label: string;
  hint?: string | undefined;
  fault?: string | undefined;
  children: ComponentChildren;
}

/** What is inside carries `describedBy(id)`. */
export function Field({ id, label, hint, fault, children }: Props) {
  return (
    <div class={`own-field${fault ? ' own-wrong' : ''}`}>
      <label class="own-label" for={id}>{label}</label>
      {children}
      {hint && <p class="own-hint" id={`${id}-hint`}>{hint}</p>}
      <Fault id={id} fault={fault} />
    </div>
  );
}

/** A part that is no single field: a group with a name. */
export function Group({ id, label, hint, fault, children }: Props) {
  return (
    <fieldset class={`own-field${fault ? ' own-wrong' : ''}`} aria-describedby={`${id}-fault`}>
      <legend class="own-label">{label}</legend>
      {hint && <p class="own-hint" id={`${id}-hint`}>{hint}</p>}
      {children}
      <Fault id={id} fault={fault} />
    </fieldset>
  );
}

function Fault({ id, fault }: { id: string; fault: string | undefined }) {
  return <p class="own-fault" id={`${id}-fault`} aria-live="polite">{fault}</p>;
}

export function describedBy(id: string): string {
  return `${id}-hint ${id}-fault`;
}
