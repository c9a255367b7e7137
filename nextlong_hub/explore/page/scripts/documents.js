// The documents of the row in the order in which they first appear.
const documentsBox = byId("documents");
let documentItems = [];

/** Replace what is listed by the documents of another row. */
function showDocuments(row) {
  const found = row.documents.map(() => ({ segments: 0, tokens: 0, first: 0, isMeta: false }));
  for (let segment = row.count - 1; segment >= 0; segment--) {
    const entry = found[row.segments.document[segment]];
    entry.segments += 1;
    entry.tokens += row.segments.tokens[segment];
    entry.first = segment;
    entry.isMeta ||= Boolean(row.segments.isMeta[segment]);
  }
  documentItems = found.map((entry, number) => {
    const item = make("li", entry.isMeta ? "meta" : "negative");
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", "false");
    item.tabIndex = number === 0 ? 0 : -1;
    item.dataset.segment = entry.first;
    item.append(make("bdi", "document", row.documents[number]));
    item.append(make("span", "tokens", `${counted(entry.segments, "segment")}, ${counted(entry.tokens, "token")}`));
    return item;
  });
  documentsBox.replaceChildren(...documentItems);
  byId("documents-name").textContent = counted(row.documents.length, "document");
}
