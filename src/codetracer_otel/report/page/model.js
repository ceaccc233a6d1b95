const ERROR = 1;
const UNFINISHED = 8;
const FOLDED = 16;
const NO_ONE = -1;

/** What the page shows, as columns; slices are numbered, each behind its parent. */
class Model {
  constructor(data) {
    this.unit = data.unit;
    this.origin = data.origin;
    this.length = Math.max(data.length, 1);
    this.spans = data.spans;
    this.inputs = data.inputs;
    this.notes = data.notes;
    this.facts = data.facts;
    this.keys = data.keys;
    this.flame = data.flame;
    this.isCompared = data.flame.new !== undefined;
    /** @type {Map<number, number>} calls that a slice stands for, where the recorder folded them */
    this.folded = new Map(Object.entries(data.folded).map(([slice, count]) => [Number(slice), Number(count)]));
    this.changes = data.changes;
    this.sources = new Map(Object.entries(data.sources).map(([number, text]) => [Number(number), text]));
    this.runs = new Map(Object.entries(data.runs).map(([slice, run]) => [Number(slice), run]));
    this.start = Float64Array.from(data.slices.start);
    this.extent = Float64Array.from(data.slices.length);
    this.parent = Int32Array.from(data.slices.parent);
    this.marks = Uint8Array.from(data.slices.marks);
    this.functionOf = Int32Array.from(data.slices.function);
    this.count = this.start.length;
    this.functions = data.functions.map((row) => this.readFunction(row));
    this.tellNamesakesApart();
    this.matched = null;
    this.chunkSize = data.chunk;
    this.chunks = new Map();
    this.placeRows(data);
    this.linkSiblings();
  }

  readFunction(row) {
    const [name, file, line, calls, errors, total, own, p50, p95, longest, rules] = row;
    const shown = inLine(this.keys[name]);
    return {
      name: this.keys[name], shown, brief: briefName(shown), file: this.keys[file], line, calls,
      errors, total, own, p50, p95, longest, place: "",
      rule: rules ? this.keys[rules[0]] : "",
      ruleOfKey: new Map(rules ? rules[1].map(([key, text]) => [key, this.keys[text]]) : []),
    };
  }

  /** Gives functions of one name, as two runs of two files have them, the place where each is. */
  tellNamesakesApart() {
    const first = new Map();
    for (const called of this.functions) {
      const other = first.get(called.shown);
      if (!other) first.set(called.shown, called);
      else for (const each of [other, called]) each.place = `${inLine(each.file).split(/[\\/]/).pop()}:${each.line}`;
    }
  }

  /** Puts slices into rows; in a row none overlaps another one. */
  placeRows(data) {
    this.lanes = [];
    let first = 0;
    for (const lane of data.lanes) {
      this.lanes.push({ ...lane, label: this.laneLabel(lane), first });
      first += lane.rows;
    }
    const members = Array.from({ length: first }, () => []);
    this.row = new Int32Array(this.count);
    for (let slice = 0; slice < this.count; slice++) {
      const row = this.lanes[data.slices.lane[slice]].first + data.slices.depth[slice];
      this.row[slice] = row;
      members[row].push(slice);
    }
    this.rows = members.map((slices) => {
      slices.sort((a, b) => this.start[a] - this.start[b] || a - b);
      return { slices: Int32Array.from(slices), errors: this.sums(slices, (s) => this.isError(s)), matches: null };
    });
  }

  laneLabel(lane) {
    const thread = inLine(lane.thread);
    const input = this.inputs.length > 1 ? `${inLine(this.inputs[lane.input])}: ` : "";
    const kind = lane.kind === "calls" ? "" : `, ${lane.kind} lane ${lane.number}`;
    return `${input}${thread}${kind}`;
  }

  linkSiblings() {
    this.firstChild = new Int32Array(this.count).fill(NO_ONE);
    this.nextSibling = new Int32Array(this.count).fill(NO_ONE);
    this.previousSibling = new Int32Array(this.count).fill(NO_ONE);
    const last = new Int32Array(this.count + 1).fill(NO_ONE);
    for (let slice = 0; slice < this.count; slice++) {
      const parent = this.parent[slice];
      const before = last[parent + 1];
      if (before !== NO_ONE) {
        this.nextSibling[before] = slice;
        this.previousSibling[slice] = before;
      } else if (parent !== NO_ONE) {
        this.firstChild[parent] = slice;
      }
      last[parent + 1] = slice;
    }
  }

  sums(slices, counts) {
    const sums = new Uint32Array(slices.length + 1);
    for (let i = 0; i < slices.length; i++) sums[i + 1] = sums[i] + (counts(slices[i]) ? 1 : 0);
    return sums;
  }

  isError(slice) {
    return (this.marks[slice] & ERROR) !== 0;
  }

  isFolded(slice) {
    return (this.marks[slice] & FOLDED) !== 0;
  }

  end(slice) {
    return this.start[slice] + this.extent[slice];
  }

  name(slice) {
    if (!this.isFolded(slice)) return this.functions[this.functionOf[slice]].shown + this.countText(slice);
    const [, errors, calls] = this.runs.get(slice);
    const number = calls.reduce((sum, [, count]) => sum + count, 0);
    const of = calls.length === 1 ? this.functions[calls[0][0]].shown : `${calls.length} functions`;
    const failed = errors ? `, ${formatCount(errors)} failed` : "";
    return `... ${formatCount(number)} more ${number === 1 ? "call" : "calls"} of ${of}${failed}`;
  }

  briefName(slice) {
    return this.isFolded(slice) ? this.name(slice) : this.functions[this.functionOf[slice]].brief + this.countText(slice);
  }

  countText(slice) {
    const count = this.folded.get(slice);
    return count === undefined ? "" : ` \u00d7${formatCount(count)}`;
  }

  detailText(chunk) {
    return document.getElementById(`details-${chunk}`).textContent;
  }

  /** Returns [values, events, links, message, ids] of a slice; the end may be missing. */
  details(slice) {
    const chunk = Math.floor(slice / this.chunkSize);
    if (!this.chunks.has(chunk)) {
      if (this.chunks.size >= 8) this.chunks.delete(this.chunks.keys().next().value);
      this.chunks.set(chunk, JSON.parse(this.detailText(chunk)));
    }
    return this.chunks.get(chunk)[slice % this.chunkSize];
  }

  /** Returns the failed spans that one exception went through, from the outermost to the innermost. */
  failedWay(slice, message) {
    const way = [slice];
    const isOfIt = (each) => each !== NO_ONE && this.isError(each) && !this.isFolded(each) && (this.details(each)[3] ?? "") === message;
    for (let parent = this.parent[slice]; isOfIt(parent) && this.failedInside(parent) === way[0]; parent = this.parent[parent]) way.unshift(parent);
    for (let child = this.failedInside(slice); isOfIt(child); child = this.failedInside(child)) way.push(child);
    return way;
  }

  /** Returns the child that a failed span may have its exception from: the last one, unless the event says it is its own. */
  failedInside(slice) {
    const [, events = []] = this.details(slice);
    if (events.some(([name]) => name === "exception")) return NO_ONE;
    let last = NO_ONE;
    for (let child = this.firstChild[slice]; child !== NO_ONE; child = this.nextSibling[child]) {
      if (last === NO_ONE || this.end(child) >= this.end(last)) last = child;
    }
    return last;
  }

  /** Marks slices as matches, or none with null. */
  match(matched) {
    this.matched = matched;
    for (const row of this.rows) {
      row.matches = matched && this.sums(row.slices, (slice) => matched[slice]);
    }
  }

  /** Returns the place in a row of the first slice that begins at or after a time. */
  lowerBound(row, time, from = 0) {
    let low = from;
    let high = row.slices.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[row.slices[middle]] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Returns the slice of a row that covers a time best, if one is within ``reach``. */
  at(rowNumber, time, reach) {
    const row = this.rows[rowNumber];
    const place = this.lowerBound(row, time);
    let best = NO_ONE;
    let distance = reach;
    for (const candidate of [place - 1, place]) {
      const slice = row.slices[candidate];
      if (slice === undefined) continue;
      const away = Math.max(this.start[slice] - time, time - this.end(slice), 0);
      if (away <= distance) {
        best = slice;
        distance = away;
      }
    }
    return best;
  }
}

/** Returns the failed slices, earliest first. */
function failedSlices(model) {
  const found = [];
  for (let slice = 0; slice < model.count; slice++) if (model.isError(slice)) found.push(slice);
  return found.sort((a, b) => model.start[a] - model.start[b] || a - b);
}

function briefName(name) {
  if (name.startsWith("<")) return name;
  return name.slice(name.lastIndexOf(".") + 1) || name;
}
