// Two small plots of the row, drawn from its segments.
const SVG = "http://www.w3.org/2000/svg";
const PLOT = { width: 280, height: 120, left: 38, right: 8, top: 8, bottom: 22 };

/** @returns {SVGElement} a new element of a drawing. */
function draw(tag, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text) element.textContent = text;
  return element;
}

/** Replace what is drawn by the plots of another row. */
function showPlots(row) {
  byId("plots").replaceChildren(...[plotScores(row), plotDistances(row)].filter(Boolean));
  byId("plots").hidden = !byId("plots").childElementCount;
}

/** @returns {string} what the retriever calls its scores, as a title. */
function scoreTitle(row) {
  return row.scoreName.slice(0, 1).toUpperCase() + row.scoreName.slice(1);
}

/** @returns {HTMLElement | undefined} score of every hard negative over its rank. */
function plotScores(row) {
  const { isMeta, rank, score, shade } = row.segments;
  const negatives = rank.map((_, segment) => segment).filter((segment) => !isMeta[segment]);
  if (!negatives.length) return undefined;
  const least = negatives.reduce((low, segment) => Math.min(low, score[segment]), 0);
  const most = negatives.reduce((high, segment) => Math.max(high, score[segment]), 0);
  const { figure, svg, x, y } = makePlot(`${scoreTitle(row)} by rank`, row.lastRank, most,
    `Scores of ${counted(negatives.length, "hard negative")} by rank: at most ${scoreText(most)}, ranks 1 to ${row.lastRank}.`, 1, least);
  for (const segment of negatives) {
    svg.append(draw("circle", { class: `dot shade-${shade[segment]}`, cx: x(rank[segment]), cy: y(score[segment]), r: 1.8 }));
  }
  return figure;
}

/** @returns {HTMLElement | undefined} tokens between each meta-chunk and the next of its document. */
function plotDistances(row) {
  const pairs = row.metas.slice(1).map((meta, number) => [row.metas[number], meta])
    .filter(([one, other]) => areTogether(row, one, other));
  const distances = pairs.map(([one, other]) => tokensBetween(row, one, other));
  if (distances.length < 2) return undefined; // one bar says no more than the panel does
  const most = distances.reduce((high, distance) => Math.max(high, distance), 1);
  const { figure, svg, x, y } = makePlot("Tokens between meta-chunks", distances.length, most,
    `Tokens from each meta-chunk to the next: ${distances.length < 40 ? distances.map(count).join(", ") : `at most ${count(most)}`}.`, -1);
  const width = Math.min(28, 0.7 * (x(1) - x(0)));
  distances.forEach((distance, number) => {
    const middle = (x(number) + x(number + 1)) / 2;
    const column = draw("rect", { class: "column", x: middle - width / 2, y: y(distance), width, height: y(0) - y(distance) });
    column.append(draw("title", {}, `${number + 1} to ${number + 2}: ${counted(distance, "token")}`));
    svg.append(column);
  });
  return figure;
}

/** @returns a figure with two axes, and the scales that place something in it. */
function makePlot(title, lastX, lastY, description, firstLabel = 1, firstY = 0) {
  const { width, height, left, right, top, bottom } = PLOT;
  const x = (value) => left + ((width - left - right) * value) / Math.max(1, lastX);
  const y = (value) => height - bottom - ((height - top - bottom) * (value - firstY)) / Math.max(1, lastY - firstY);
  const figure = make("figure", "plot");
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}. ${description}` });
  svg.append(draw("path", { class: "axis", d: `M${left},${top}V${height - bottom}H${width - right}` }));
  svg.append(draw("text", { x: left - 5, y: top + 7, "text-anchor": "end" }, shortCount(lastY)));
  svg.append(draw("text", { x: left - 5, y: height - bottom, "text-anchor": "end" }, shortCount(firstY)));
  if (firstLabel > 0) svg.append(draw("text", { x: x(firstLabel), y: height - 8 }, String(firstLabel)));
  if (firstLabel > 0) svg.append(draw("text", { x: width - right, y: height - 8, "text-anchor": "end" }, `rank ${lastX}`));
  else svg.append(draw("text", { x: width - right, y: height - 8, "text-anchor": "end" }, counted(lastX, "pair")));
  figure.append(make("figcaption", "", title), svg);
  return { figure, svg, x, y };
}

/** @returns {string} a count in few letters, as 38k; K would be 1,024. */
function shortCount(number) {
  if (number % 1 && Math.abs(number) < 10) return number.toFixed(1);
  return number >= 10000 ? `${Math.round(number / 1000)}k` : number >= 1000 ? `${(number / 1000).toFixed(1)}k` : String(Math.round(number));
}
