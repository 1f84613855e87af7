// Characters that are folded or skipped. Generated from server/text by extension/scripts/protocol.py: do not edit by hand.

export const SPACE = /[\u{9}-\u{d}\u{1c}-\u{20}\u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}-\u{2029}\u{202f}\u{205f}\u{3000}]/u;

/** No reader sees them: controls, zero-width and bidi marks, variation selectors. */
export const HIDDEN = /[\u{0}-\u{8}\u{e}-\u{1b}\u{7f}-\u{84}\u{86}-\u{9f}\u{ad}\u{34f}\u{61c}\u{115f}-\u{1160}\u{17b4}-\u{17b5}\u{180e}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{3164}\u{d800}-\u{f8ff}\u{fe00}-\u{fe0f}\u{feff}\u{ffa0}\u{fff0}-\u{fffb}\u{e0000}-\u{10ffff}]/u;

export const FOLDS: Readonly<Record<string, string>> = {
  "\"": "'",
  "\u201c": "'",
  "\u201d": "'",
  "\u201e": "'",
  "\u201f": "'",
  "\u2033": "'",
  "\uff02": "'",
  "\u00ab": "'",
  "\u00bb": "'",
  "'": "'",
  "\u2018": "'",
  "\u2019": "'",
  "\u201a": "'",
  "\u201b": "'",
  "\u2032": "'",
  "\u2010": "-",
  "\u2011": "-",
  "\u2012": "-",
  "\u2013": "-",
  "\u2014": "-",
  "\u2212": "-",
  "\u00a0": " ",
  "\n": " ",
};
