// The text of the row: one block a segment, laid out by the browser only when it comes into sight.
const textBox = byId("text");
const LONGEST_PIECE = 8000;
const HEAD_HEIGHT = 48;
const LINE_HEIGHT = 24.8;
let blocks = [];

const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) showInSight(Number(entry.target.dataset.segment), entry.isIntersecting);
  highlightHits();
}, { rootMargin: "-40px 0px 0px 0px" });

/** Replace what is shown by the text of another row. */
function showText(row) {
  sight.disconnect();
  const all = document.createDocumentFragment();
  const perLine = lettersPerLine();
  blocks = row.segments.tokens.map((_, segment) => {
    if (row.parts.length && (segment === 0 || !areTogether(row, segment - 1, segment))) all.append(makeBorder(row, segment));
    all.append(makeSeparator(row.pieces[2 * segment]));
    const block = makeBlock(row, segment, perLine);
    all.append(block);
    return block;
  });
  all.append(makeSeparator(row.pieces[2 * row.count]));
  textBox.replaceChildren(all);
  for (const block of blocks) sight.observe(block);
}

/** @returns {HTMLElement} the heading and the text of one segment. */
function makeBlock(row, segment, perLine) {
  const { isMeta, rank, tokens, shade } = row.segments;
  const block = make("section", `segment ${isMeta[segment] ? "meta" : `negative shade-${shade[segment]}`}`);
  block.id = `segment-${segment}`;
  block.dataset.segment = segment;
  block.tabIndex = -1;
  block.setAttribute("aria-label", describe(row, segment));
  const head = make("p", "head");
  head.append(make("span", "number", count(segment + 1)));
  head.append(make("span", "role", isMeta[segment] ? `meta-chunk ${row.metas.indexOf(segment) + 1}` : `rank ${rank[segment]}`));
  head.append(make("bdi", "document", documentOf(row, segment)));
  head.append(make("span", "tokens", counted(tokens[segment], "token")));
  const body = make("div", "body");
  fillInPieces(body, textOf(row, segment), perLine);
  block.append(head, body);
  // What a block will be high, nearly: the scroll bar then does not lie, and far jumps land where they should.
  expectLines(block, textOf(row, segment), perLine);
  return block;
}

/** @returns {number} letters on a line of the text, about. */
const lettersPerLine = () => Math.max(20, Math.min(78, (textBox.clientWidth - 40) / 7.9));

/** Tell the browser how high a text will be, about, before it lays it out. */
function expectLines(box, text, perLine) {
  box.style.containIntrinsicBlockSize = `auto ${Math.round(HEAD_HEIGHT + LINE_HEIGHT * linesOf(text, perLine))}px`;
}

/** @returns {number} lines that a text takes. */
function linesOf(text, perLine) {
  let lines = 0;
  for (const line of text.split("\n")) lines += Math.max(1, Math.ceil(line.length / perLine));
  return lines;
}

/** Scroll somewhere; again once what is newly in sight has been laid out and has its true height. */
function bringUp(scroll) {
  const opened = row;
  scroll();
  requestAnimationFrame(() => requestAnimationFrame(() => row === opened && scroll()));
}

/** Scroll a segment to the top. */
const bringUpSegment = (segment) => bringUp(() => blocks[segment].scrollIntoView({ block: "start" }));

/** @returns {HTMLElement} what stands between two segments: out of sight while it is white space. */
function makeSeparator(text) {
  const separator = make("div", "separator");
  separator.hidden = text.trim() === "";
  fill(separator, text);
  return separator;
}

/** @returns {HTMLElement} the border before the document of a packed row that begins with a segment. */
function makeBorder(row, segment) {
  const number = row.segments.part[segment];
  const part = row.parts[number];
  const border = make("p", "border");
  border.append(make("span", "", `Document ${count(number + 1)} of ${count(row.parts.length)} in this row`));
  border.append(make("bdi", "document", part.id), make("span", "tokens", counted(part.tokens, "token")));
  return border;
}

/** Put `text` into `box`, a long one in pieces, so that the browser lays out no more than what is in sight. */
function fillInPieces(box, text, perLine) {
  if (text.length <= LONGEST_PIECE) return fill(box, text);
  for (let start = 0, end; start < text.length; start = end) {
    end = pieceEnd(text, start);
    const piece = make("div", "piece");
    fill(piece, text.slice(start, end));
    expectLines(piece, text.slice(start, end), perLine);
    box.append(piece);
  }
}

/** @returns {number} where a piece should end: at the end of a line, else of a word, never inside a character. */
function pieceEnd(text, start) {
  const limit = start + LONGEST_PIECE;
  if (limit >= text.length) return text.length;
  const line = text.lastIndexOf("\n", limit - 1);
  if (line >= start) return line + 1;
  const word = text.lastIndexOf(" ", limit - 1);
  if (word >= start) return word + 1;
  return text.codePointAt(limit - 1) > 0xffff ? limit + 1 : limit;
}

/** Put `text` into `box`; characters that hide, reorder or command become marks with their code points. */
function fill(box, text) {
  let place = 0;
  for (const match of text.matchAll(hidden)) {
    if (match.index > place) box.append(text.slice(place, match.index));
    const sign = mark(match[0]);
    const shown = make("span", sign.length === 1 ? "mark picture" : "mark", sign);
    shown.dataset.units = match[0].length;
    shown.title = `U+${match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    box.append(shown);
    place = match.index + match[0].length;
  }
  box.append(text.slice(place));
}

/** @returns {{node: Text, offset: number}} where character `place` (in UTF-16 units) of a segment's text is shown. */
function placeOf(segment, place) {
  let before = 0;
  let last;
  const body = blocks[segment].querySelector(".body");
  const shown = [...body.childNodes].flatMap((child) => (child.className === "piece" ? [...child.childNodes] : [child]));
  for (const child of shown) {
    const isText = child.nodeType === Node.TEXT_NODE;
    const length = isText ? child.length : Number(child.dataset.units);
    const node = isText ? child : child.firstChild;
    if (place <= before + length) return { node, offset: isText ? place - before : place > before ? node.length : 0 };
    before += length;
    last = { node, offset: node.length };
  }
  return last;
}
