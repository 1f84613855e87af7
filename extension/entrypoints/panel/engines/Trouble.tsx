// Why something was refused, read out when it comes. Called by the parts of the view.

export function Trouble({ words }: { words: string }) {
  return <p class="engines-trouble" role="alert">{words}</p>;
}
