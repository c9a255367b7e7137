// Search in the text of the row. Hits are painted by the browser, so the text itself stays untouched.
const queryBox = byId("query");
const paints = Boolean(globalThis.CSS?.highlights);
const MOST_PAINTED = 1000;
let hits = [];
let hitCounts = new Map();
let currentHit = -1;
let waiting;

queryBox.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, 150);
});

queryBox.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    if (waiting) search();
    stepHit(event.shiftKey ? -1 : 1);
  } else if (event.key === "Escape") {
    queryBox.value = "";
    search();
    queryBox.blur();
  }
});

byId("previous-hit").addEventListener("click", () => stepHit(-1));
byId("next-hit").addEventListener("click", () => stepHit(1));

/** Find what the search box holds, small or capital, and show how often it is there. */
function search() {
  clearTimeout(waiting);
  waiting = undefined;
  hits = [];
  hitCounts = new Map();
  currentHit = -1;
  const wanted = queryBox.value;
  if (wanted && row) {
    const pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), "giu");
    for (let segment = 0; segment < row.count; segment++) {
      for (const match of textOf(row, segment).matchAll(pattern)) {
        hits.push({ segment, start: match.index, end: match.index + match[0].length });
        hitCounts.set(segment, (hitCounts.get(segment) ?? 0) + 1);
      }
    }
  }
  byId("previous-hit").disabled = byId("next-hit").disabled = hits.length === 0;
  showHitsOnStrip(hitCounts);
  showHitCount();
  highlightHits();
}

/** Go to the next (1) or previous (-1) hit; the first step goes to the one nearest to the selected segment. */
function stepHit(direction) {
  if (!hits.length) return;
  if (currentHit < 0) {
    const near = hits.findIndex((hit) => hit.segment >= here());
    currentHit = direction > 0 ? Math.max(0, near) : (near <= 0 ? hits.length : near) - 1;
  } else {
    currentHit = (currentHit + direction + hits.length) % hits.length;
  }
  const hit = hits[currentHit];
  select(hit.segment, { scroll: false });
  const range = rangeOf(hit);
  bringUp(() => bringUpRange(range));
  if (!paints) {
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
  showHitCount();
  highlightHits();
  announce(`Hit ${count(currentHit + 1)} of ${count(hits.length)}. ${describe(row, hit.segment)}`);
}

/** Scroll so that a range can be read: its segment to the top, and on to the range where that is not enough. */
function bringUpRange(range) {
  const around = range.startContainer.parentElement;
  (around.closest(".piece") ?? around.closest(".segment")).scrollIntoView({ block: "start" });
  const top = byId("hero").getBoundingClientRect().bottom;
  const box = range.getBoundingClientRect();
  if (box.bottom > innerHeight - 20 || box.top < top) scrollBy(0, box.bottom - (top + innerHeight) / 2);
}

function showHitCount() {
  const place = currentHit < 0 ? "" : `${count(currentHit + 1)} of `;
  byId("hits").textContent = queryBox.value ? `${place}${counted(hits.length, "hit")}` : "";
}

/** @returns {Range} where a hit is shown. */
function rangeOf(hit) {
  const range = new Range();
  const from = placeOf(hit.segment, hit.start);
  const to = placeOf(hit.segment, hit.end);
  range.setStart(from.node, from.offset);
  range.setEnd(to.node, to.offset);
  return range;
}

/** Paint hits of the segments in sight, those around the current one; there may be a hundred thousand. */
function highlightHits() {
  if (!paints) return;
  const near = Math.max(0, currentHit < 0 ? hits.findIndex((hit) => inSight.has(hit.segment)) : currentHit - MOST_PAINTED / 2);
  const seen = hits.slice(near, near + MOST_PAINTED).filter((hit) => inSight.has(hit.segment) && hit !== hits[currentHit]);
  CSS.highlights.set("hits", new Highlight(...seen.map(rangeOf)));
  CSS.highlights.set("current-hit", new Highlight(...(currentHit < 0 ? [] : [rangeOf(hits[currentHit])])));
}
