// The look of each of the six forms, of an abstention, and of an answer without a form. Called by Answer.
import type { ComponentChildren } from 'preact';
import { type Inlines, renderInline, renderMarkdown } from '../../../lib/markdown.ts';
import { t } from '../../../lib/words.ts';
import { CopyButton } from './Actions.tsx';
import { Card } from './Card.tsx';
import type { Form, Quotation, Span } from './form.ts';

interface Props {
  form: Form;
  inlines: Inlines;
  isLive: boolean;
}

export function View(props: Props) {
  const { form, inlines } = props;
  switch (form.kind) {
    case 'plain':
      return <>{renderMarkdown(form.body, inlines)}</>;
    case 'fact':
      return <Shape {...props}><Line class="lead" span={form.lead} {...props} /><Cards of={form.evidence} {...props} /></Shape>;
    case 'verdict':
      return <Verdict {...props} form={form} />;
    case 'list':
      return <Points {...props} form={form} />;
    case 'table':
      return <Shape {...props}>{renderMarkdown(form.body, inlines)}</Shape>;
    case 'summary':
      return <Shape {...props}><p class="summary" dir="auto">{form.sentences.map((span) => <Sentence key={span.at} span={span} inlines={inlines} />)}</p></Shape>;
    case 'draft':
      return <Draft {...props} form={form} />;
    case 'abstention':
      return <Abstention {...props} form={form} />;
  }
}

/** An answer in a form: its parts, then the line that the copilot ends with. */
function Shape({ form, inlines, children }: Props & { children: ComponentChildren }) {
  const closing = 'closing' in form ? form.closing : null;
  return (
    <div class={`form form-${form.kind}`}>
      {children}
      {closing && <p class="closing" dir="auto">{renderInline(closing, inlines)}</p>}
    </div>
  );
}

function Verdict(props: Props & { form: Extract<Form, { kind: 'verdict' }> }) {
  const { word, reason, evidence } = props.form;
  const isWhole = evidence.length > 0 || props.isLive;
  return (
    <Shape {...props}>
      <p class="verdict"><span class="sr-only">{t('verdict')} </span><strong>{word}</strong></p>
      {isWhole ? <Line class="reason" span={reason} {...props} /> : renderMarkdown(reason, props.inlines)}
      <Cards of={evidence} {...props} />
    </Shape>
  );
}

function Points(props: Props & { form: Extract<Form, { kind: 'list' }> }) {
  const { points, isOrdered } = props.form;
  const List = isOrdered ? 'ol' : 'ul';
  return (
    <Shape {...props}>
      <List class="points">
        {points.map(({ label, evidence }) => (
          <li key={label.at} dir="auto">
            <Line class="label" span={label} {...props} />
            <Cards of={evidence} isCompact {...props} />
          </li>
        ))}
      </List>
    </Shape>
  );
}

function Draft(props: Props & { form: Extract<Form, { kind: 'draft' }> }) {
  const { body, evidence } = props.form;
  return (
    <Shape {...props}>
      <div class="paper">
        <div class="paper-text" dir="auto">{body.text}</div>
        <CopyButton text={body.text} label={t('copyDraft')} />
      </div>
      {evidence.length > 0 && <p class="sources">{t('fromPage')}</p>}
      <Cards of={evidence} isCompact {...props} />
    </Shape>
  );
}

function Abstention(props: Props & { form: Extract<Form, { kind: 'abstention' }> }) {
  const { statement, note, closest } = props.form;
  return (
    <Shape {...props}>
      <p class="abstains" dir="auto">{statement.text}</p>
      {note && <p class="closing" dir="auto">{note.text.slice(1, -1)}</p>}
      {closest.length > 0 && <p class="sources">{t('closest')}</p>}
      <Cards of={closest} {...props} />
    </Shape>
  );
}

function Line({ span, inlines, class: name }: { span: Span; inlines: Inlines; class: string }) {
  return span.text === '' ? null : <p class={name} dir="auto">{renderInline(span, inlines)}</p>;
}

function Sentence({ span, inlines }: { span: Span; inlines: Inlines }) {
  return <span class="sentence">{renderInline(span, inlines)} </span>;
}

function Cards({ of, inlines, isCompact = false }: { of: Quotation[]; inlines: Inlines; isCompact?: boolean }) {
  return <>{of.map((quotation) => <Card key={quotation.at} quotation={quotation} quote={inlines.quotes.find(({ at }) => at === quotation.at)} isCompact={isCompact} />)}</>;
}
