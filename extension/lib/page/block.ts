// What a page is read into: a block and the live text nodes behind it. Types only.

/** text.slice(at, at + length) came from node.data.slice(from, from + length), white space aside. */
export interface Piece {
  node: Text;
  from: number;
  at: number;
  length: number;
}

export interface Block {
  element: Element;
  text: string;
  pieces: Piece[];
}
