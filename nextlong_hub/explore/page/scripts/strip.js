// The strip: one bar a segment, as wide as its tokens, on as many lines as keep the bars apart.
const stripBox = byId("strip");
const NARROWEST_BAR = 4;
const MOST_LINES = 8;
let barElements = [];
let inSight = new Set();
let linesDrawn = 0;

/** Replace what is shown by the strip of another row. */
function showStrip(row) {
  barElements = row.segments.tokens.map((_, segment) => makeBar(row, segment));
  inSight = new Set();
  linesDrawn = 0;
  layOut(row);
  byId("negatives-legend").hidden = row.lastRank === 0;
  byId("last-rank").textContent = count(row.lastRank);
}

function makeBar(row, segment) {
  const { isMeta, shade } = row.segments;
  const bar = make("div", `bar ${isMeta[segment] ? "meta" : `shade-${shade[segment]}`}`);
  if (segment > 0 && !areTogether(row, segment - 1, segment)) bar.classList.add("first");
  bar.setAttribute("role", "option");
  bar.setAttribute("aria-label", describe(row, segment));
  bar.setAttribute("aria-selected", "false");
  bar.setAttribute("aria-posinset", segment + 1);
  bar.setAttribute("aria-setsize", row.count);
  bar.tabIndex = -1;
  bar.dataset.segment = segment;
  return bar;
}

/** Distribute the bars over lines; does nothing when the width asks for as many lines as there are. */
function layOut(row) {
  const wanted = Math.ceil((row.count * NARROWEST_BAR) / Math.max(1, stripBox.clientWidth));
  const lines = Math.min(MOST_LINES, Math.max(1, wanted));
  if (lines === linesDrawn) return;
  linesDrawn = lines;
  const { tokens, firstToken } = row.segments;
  const all = tokens.reduce((sum, each) => sum + each, 0);
  const drawn = [];
  let before = 0;
  barElements.forEach((bar, segment) => {
    if (!drawn.length || (drawn.at(-1).bars.length && before + tokens[segment] / 2 > (drawn.length * all) / lines)) {
      drawn.push({ bars: [], tokens: 0, first: firstToken[segment] });
    }
    drawn.at(-1).bars.push(bar);
    drawn.at(-1).tokens += tokens[segment];
    before += tokens[segment];
  });
  const longest = Math.max(1, ...drawn.map((line) => line.tokens));
  const focused = barElements.indexOf(document.activeElement);
  stripBox.replaceChildren(...drawn.map((line) => {
    const box = make("div", "line");
    box.setAttribute("role", "presentation");
    for (const bar of line.bars) bar.style.flexGrow = tokens[bar.dataset.segment];
    const bars = make("div", "bars");
    bars.setAttribute("role", "presentation");
    bars.style.width = `${(100 * line.tokens) / longest}%`;
    bars.append(...line.bars);
    const label = make("span", "offset", count(line.first));
    label.setAttribute("aria-hidden", "true");
    box.append(label, bars);
    return box;
  }));
  stripBox.dataset.lines = lines;
  if (focused >= 0) barElements[focused].focus({ preventScroll: true });
}

/** Underline the bars of what can be read at the moment. */
function showInSight(segment, isInSight) {
  if (isInSight) inSight.add(segment);
  else inSight.delete(segment);
  barElements[segment]?.classList.toggle("in-sight", isInSight);
}

/** Mark the bars of segments in which something was found. */
function showHitsOnStrip(counts) {
  barElements.forEach((bar, segment) => bar.classList.toggle("hit", (counts.get(segment) ?? 0) > 0));
}
