// What every part of the page uses. Text reaches the document as text nodes only: nothing is ever parsed as HTML.
const about = JSON.parse(document.getElementById("about").textContent);
const hidden = new RegExp(about.hidden, "gu");
const countFormat = new Intl.NumberFormat("en-US");

/** @returns {HTMLElement} the element of the page with this id. */
const byId = (id) => document.getElementById(id);

/** @returns {string} a whole number with its thousands separated. */
const count = (number) => countFormat.format(number);

/** @returns {string} a count and its noun, "1 segment" or "2 segments". */
const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** @returns {HTMLElement} a new element that shows `text` as it is. */
function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

/** @returns {string} what stands for a character that hides, reorders or commands; see core/printable.py. */
function mark(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Say something to those who do not see the page. */
function announce(message) {
  byId("announcer").textContent = message;
}

/**
 * One stop of the Tab key for many items; the arrow keys go on from there.
 * @param {HTMLElement} box holds the items.
 * @param {(item: HTMLElement) => void} choose is called with the item that was clicked or gone to.
 */
function rove(box, choose) {
  const itemsOf = () => [...box.querySelectorAll('[role="option"]')];
  box.addEventListener("click", (event) => {
    const item = event.target.closest('[role="option"]');
    if (item) choose(item);
  });
  box.addEventListener("keydown", (event) => {
    const items = itemsOf();
    const place = items.indexOf(document.activeElement);
    const next = {
      ArrowRight: place + 1, ArrowDown: place + 1, ArrowLeft: place - 1, ArrowUp: place - 1,
      PageDown: place + 10, PageUp: place - 10, Home: 0, End: items.length - 1,
    }[event.key];
    if (place < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    if (next === undefined && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    const item = items[Math.min(Math.max(next ?? place, 0), items.length - 1)];
    item.focus({ preventScroll: box.id === "strip" });
    choose(item);
  });
}

/** Make `chosen` the item that Tab stops at, and the one that is selected. */
function settle(previous, chosen) {
  if (previous) {
    previous.tabIndex = -1;
    previous.setAttribute("aria-selected", "false");
  }
  chosen.tabIndex = 0;
  chosen.setAttribute("aria-selected", "true");
}
