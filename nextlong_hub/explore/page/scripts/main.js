// The page as a whole: which row is open, which segment is selected, and what the keys do.
let row;
let selected = 0;

/** Open the row that was packed as number `index`, at one of its segments. */
async function open(index, segment = 0) {
  const opened = await unpack(index);
  row = opened;
  selected = 0;
  const several = row.parts.length > 1;
  byId("name").replaceChildren(make("bdi", "", several ? row.id : row.metaDocument || row.id));
  byId("facts").textContent = [
    counted(row.tokens, "token"),
    several ? `${counted(row.parts.length, "document")} packed` : "",
    counted(row.count, "segment"),
    counted(row.metas.length, "meta-chunk"),
    counted(row.characters, "character"),
    ...row.links,
    row.source && !several ? `source ${row.source}` : "",
  ].filter(Boolean).join(" · ");
  showStrip(row);
  showText(row);
  showDocuments(row);
  showPlots(row);
  search();
  select(Math.min(segment, row.count - 1), { scroll: segment > 0, quiet: true });
  document.documentElement.dataset.open = index;
}

/**
 * Select a segment: on the strip, in the panel, and in the text.
 * @param {number} segment its number, from 0.
 * @param {{scroll?: boolean, quiet?: boolean}} how whether the text goes there, and whether nothing is announced.
 */
function select(segment, { scroll = true, quiet = false } = {}) {
  settle(barElements[selected], barElements[segment]);
  blocks[selected].removeAttribute("aria-current");
  blocks[segment].setAttribute("aria-current", "true");
  selected = segment;
  showProvenance(row, segment);
  if (scroll) bringUpSegment(segment);
  if (!quiet) announce(describe(row, segment));
  history.replaceState(null, "", `#row=${byId("row").value}&segment=${segment + 1}`);
}

/** @returns {number} where the reader is: at the selected segment, or at the first in sight once it was scrolled away. */
function here() {
  return inSight.size && !inSight.has(selected) ? Math.min(...inSight) : selected;
}

/** Go to the next (1) or previous (-1) meta-chunk. */
function stepMeta(direction) {
  const target = metaBeside(row, here(), direction);
  if (target === undefined) announce(direction > 0 ? "No meta-chunk follows." : "No meta-chunk before.");
  else select(target);
}

const keys = {
  j: () => stepMeta(1),
  k: () => stepMeta(-1),
  n: () => stepHit(1),
  N: () => stepHit(-1),
  "/": () => queryBox.select(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (!row || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

byId("previous-meta").addEventListener("click", () => stepMeta(-1));
byId("next-meta").addEventListener("click", () => stepMeta(1));

rove(stripBox, (bar) => select(Number(bar.dataset.segment)));
rove(documentsBox, (item) => {
  settle(documentsBox.querySelector('[aria-selected="true"]') ?? documentItems[0], item);
  select(Number(item.dataset.segment));
});

stripBox.addEventListener("pointerover", (event) => {
  const bar = event.target.closest(".bar");
  byId("readout").textContent = bar ? bar.getAttribute("aria-label") : "";
});
stripBox.addEventListener("pointerleave", () => { byId("readout").textContent = ""; });

textBox.addEventListener("click", (event) => {
  const head = event.target.closest(".head");
  if (head) select(Number(head.parentElement.dataset.segment), { scroll: false });
});

new ResizeObserver(() => {
  if (row) layOut(row);
  document.documentElement.style.setProperty("--hero", `${byId("hero").offsetHeight}px`);
}).observe(byId("hero"));

const dark = matchMedia("(prefers-color-scheme: dark)");
function isDark() {
  return (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
}
function showTheme() {
  byId("theme").textContent = isDark() ? "Light" : "Dark";
}
byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
dark.addEventListener("change", showTheme);

/** Offer the rows of a configuration. */
function offerRows(config) {
  byId("row").replaceChildren(...about.rows.flatMap((entry, index) => {
    if (entry.config !== config) return [];
    const option = make("option", "", entry.id);
    option.value = index;
    return [option];
  }));
}

byId("config").addEventListener("change", () => {
  offerRows(byId("config").value);
  start(Number(byId("row").value));
});
byId("row").addEventListener("change", () => start(Number(byId("row").value)));

/** Open a row, and say so when it cannot be opened. */
function start(index, segment = 0) {
  scrollTo(0, 0);
  open(index, segment).catch((error) => {
    byId("failure").hidden = false;
    byId("failure").textContent = `This row cannot be opened: ${error.message}. The page needs a browser of 2023 or later.`;
  });
}

if (matchMedia("(max-width: 1100px)").matches) byId("documents-fold").open = false;
if (matchMedia("(max-width: 760px)").matches) byId("about-fold").open = false;
for (const config of new Set(about.rows.map((entry) => entry.config))) byId("config").append(make("option", "", config));
const asked = new URLSearchParams(location.hash.slice(1));
const first = Math.min(Math.max(0, Number(asked.get("row")) || 0), about.rows.length - 1);
showTheme();
byId("config").value = about.rows[first].config;
offerRows(about.rows[first].config);
byId("row").value = first;
start(first, Math.max(0, (Number(asked.get("segment")) || 1) - 1));
