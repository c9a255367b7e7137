// What is known of the segment that is selected.

/** @returns {string} the meta-chunk of a negative, the one `before` it; where all of them come first, one of those. */
function metasFoundFor(row, before) {
  const own = row.metas.filter((meta) => meta <= before && areTogether(row, meta, before));
  const first = row.metas.indexOf(own[0]) + 1;
  const last = row.metas.indexOf(before) + 1;
  return first < last && before - own[0] === last - first ? `one of the meta-chunks ${first} to ${last}` : `meta-chunk ${last}`;
}

/** Fill the panel. */
function showProvenance(row, segment) {
  const { isMeta, document: documents, chunk, start, end, firstToken, tokens, rank, score, ownRank } = row.segments;
  byId("segment-name").textContent = `Segment ${count(segment + 1)} of ${count(row.count)}`;
  const before = metaBeside(row, segment, -1);
  const after = metaBeside(row, segment, 1);
  const facts = [
    ["Role", isMeta[segment] ? `Meta-chunk ${row.metas.indexOf(segment) + 1} of ${count(row.metas.length)}` : "Hard negative"],
    ["Document", row.documents[documents[segment]]],
    ["Source", isMeta[segment] ? row.parts[row.segments.part[segment]]?.source ?? row.source : ""],
    ["Chunk", count(chunk[segment])],
    ["Rank", isMeta[segment] ? "" : `${count(rank[segment])} of ${count(row.lastRank)}`],
    [scoreTitle(row), isMeta[segment] ? "" : scoreText(score[segment])],
    ["Retrieved for", isMeta[segment] || before === undefined ? "" : metasFoundFor(row, before)],
    ["Ranked above its own", ownRank[segment] ? `${counted(ownRank[segment] - 1, "chunk")} of other documents` : ""],
    ["Tokens", count(tokens[segment])],
    ["Begins at token", count(firstToken[segment])],
    ["Characters", `${count(start[segment])} to ${count(end[segment])}`],
    ["Next meta-chunk", after === undefined || !areTogether(row, segment, after) ? "none follows" : `in ${counted(tokensBetween(row, segment, after), "token")}`],
  ];
  byId("provenance").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => {
    const shown = make("dd");
    shown.append(make("bdi", "", value));
    return [make("dt", "", name), shown];
  }));
  byId("jumps").replaceChildren(
    ...[["Previous meta-chunk", before], ["Next meta-chunk", after]]
      .filter(([, target]) => target !== undefined)
      .map(([name, target]) => {
        const button = make("button", "", name);
        button.type = "button";
        button.addEventListener("click", () => select(target));
        return button;
      }),
  );
  byId("previous-meta").disabled = before === undefined;
  byId("next-meta").disabled = after === undefined;
}
