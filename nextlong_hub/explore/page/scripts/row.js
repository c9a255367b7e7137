// A row of the page: unpacked when it is picked, with what the segments know of each other.

/** @returns {Promise<object>} the row that was packed as number `index`. */
async function unpack(index) {
  const packed = Uint8Array.from(atob(byId(`payload-${index}`).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const row = await new Response(stream).json();
  row.count = row.segments.tokens.length;
  row.metas = row.segments.isMeta.flatMap((isMeta, segment) => (isMeta ? [segment] : []));
  row.lastRank = row.segments.rank.reduce((most, rank) => Math.max(most, rank), 0);
  return row;
}

/** @returns {string} the text of a segment. */
const textOf = (row, segment) => row.pieces[2 * segment + 1];

/** @returns {string} the document a segment comes from. */
const documentOf = (row, segment) => row.documents[row.segments.document[segment]];

/** @returns {string} a score; those of some retrievers are below 1. */
const scoreText = (score) => score.toFixed(Math.abs(score) < 10 ? 3 : 1);

/**
 * The nearest meta-chunk before (-1) or after (1) a segment.
 * @returns {number | undefined} undefined when there is none.
 */
function metaBeside(row, segment, direction) {
  return direction > 0 ? row.metas.find((meta) => meta > segment) : row.metas.findLast((meta) => meta < segment);
}

/** @returns {boolean} whether attention goes from one segment to the other. */
const areTogether = (row, one, other) => row.segments.part[one] === row.segments.part[other];

/** @returns {number} tokens from the end of one segment to the beginning of a later one. */
function tokensBetween(row, one, other) {
  const { firstToken, tokens } = row.segments;
  return Math.max(0, firstToken[other] - firstToken[one] - tokens[one]);
}

/** @returns {string} a segment in one line. */
function describe(row, segment) {
  const { isMeta, rank, tokens } = row.segments;
  const role = isMeta[segment]
    ? `meta-chunk ${row.metas.indexOf(segment) + 1} of ${count(row.metas.length)}`
    : `hard negative, rank ${rank[segment]}`;
  return `Segment ${count(segment + 1)} of ${count(row.count)}, ${role}, ${counted(tokens[segment], "token")}, ${documentOf(row, segment)}`;
}
