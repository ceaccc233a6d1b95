const LOCAL = "codetracer.local.";
const GROUPS = [
  ["codetracer.arg.", "Arguments"],
  [LOCAL, "Locals at the end"],
  ["codetracer.global.", "Globals at the end"],
];
const RETURN = "codetracer.return";
const TAIL_REASON = "codetracer.tail.reason";
const KEPT_FOR = {
  error: "a span of it has failed",
  slow: "it took longer than a trace may that is not kept",
  ratio: "it belongs to the share that is kept of all others",
};
const ROWS_AT_FIRST = 100;
const LINKS = 20;

/** Shows what is known about the selected span. */
class DetailsPane {
  constructor(model, timeline) {
    this.model = model;
    this.timeline = timeline;
    this.pane = document.getElementById("details");
    this.show(NO_ONE);
  }

  show(slice) {
    this.pane.replaceChildren();
    this.pane.scrollTop = 0;
    if (slice === NO_ONE) {
      this.showNothing();
    } else if (this.model.isFolded(slice)) {
      this.showRun(slice);
    } else {
      this.showSpan(slice);
    }
  }

  showNothing() {
    this.pane.append(element("p", "hint", "Select a span for its arguments, result and events. Press ? for the keys."));
    const failed = failedSlices(this.model);
    if (!failed.length) return;
    this.heading(failed.length > LINKS ? `Failed, the first ${LINKS} of ${formatCount(failed.length)}` : "Failed");
    for (const slice of failed.slice(0, LINKS)) this.linkLine(slice);
  }

  showSpan(slice) {
    const { model, pane } = this;
    const called = model.functions[model.functionOf[slice]];
    const [values = [], events = [], links = [], message = "", ids = null] = model.details(slice);
    pane.append(element("h2", "", called.shown));
    if (called.file) pane.append(element("p", "where", `${inLine(called.file)}:${called.line}`));
    if (called.rule) this.line(inLine(called.rule), "rule");
    this.line(this.timeText(slice));
    if (model.isError(slice)) this.line(`failed${message ? `: ${inLine(message)}` : ""}`, "failed");
    if (model.marks[slice] & UNFINISHED) this.line("unfinished: it had not ended when the recording did", "failed");
    this.showReason(values);
    const rest = this.showValues(values, called);
    for (const event of events) this.showEvent(event, slice);
    if (model.isError(slice)) this.showFrames(slice, message);
    if (rest.length) this.list("Attributes", rest, called);
    this.showWay(slice);
    this.showSource(model.functionOf[slice]);
    if (ids || links.length) this.showIds(ids, links);
    if (called.rule) this.line("Rules are named as the filters are now, which may have changed since.", "hint");
  }

  /** Says why the trace of a root was kept, where that was decided at its end. */
  showReason(values) {
    const at = values.findIndex((key, i) => i % 2 === 0 && this.model.keys[key] === TAIL_REASON);
    if (at < 0) return;
    const reason = String(values[at + 1]);
    this.line(`This trace was kept: ${KEPT_FOR[reason] ?? inLine(reason)}.`, "kept");
  }

  /** Shows the spans that an exception left, from the outermost to the one it came from, and their locals. */
  showFrames(slice, message) {
    const frames = this.model.failedWay(slice, message);
    if (frames.length < 2) return;
    const cut = frames.length > LINKS ? `, the innermost ${LINKS} of ${formatCount(frames.length)}` : "";
    this.heading(`The exception, frame by frame${cut}`);
    for (const frame of frames.slice(-LINKS)) {
      const [values = []] = this.model.details(frame);
      this.linkLine(frame);
      const list = element("dl", "values");
      for (let i = 0; i < values.length; i += 2) {
        const name = this.model.keys[values[i]];
        if (!name.startsWith(LOCAL)) continue;
        const shown = element("dd");
        shown.append(valueElement(values[i + 1]));
        list.append(element("dt", "", inLine(name.slice(LOCAL.length))), shown);
      }
      if (list.childElementCount) this.pane.append(list);
    }
  }

  /** Shows the lines of a function, as its file is now. */
  showSource(number) {
    const text = this.model.sources.get(number);
    if (text === undefined) return;
    this.heading("Source, as the file is now");
    const shown = element("div", "value code");
    appendText(shown, text);
    this.pane.append(shown);
  }

  line(text, className = "") {
    this.pane.append(element("p", className, text));
  }

  heading(text) {
    this.pane.append(element("h3", "", text));
  }

  timeText(slice) {
    const { model } = this;
    const length = formatLength(model.extent[slice], model.unit);
    const begin = formatLength(Math.max(model.start[slice], 0), model.unit);
    return `${length}, begins ${begin} after the first span (${laneOf(model, slice).label})`;
  }

  /** Shows captured values; returns what belongs to no group. */
  showValues(flat, called) {
    const pairs = [];
    for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
    const rest = pairs.filter(([key]) => !this.groupOf(key) && this.model.keys[key] !== RETURN);
    const shown = (title) => pairs.filter(([key]) => this.groupOf(key)?.[1] === title);
    if (shown("Arguments").length) this.list("Arguments", shown("Arguments"), called);
    const result = pairs.filter(([key]) => this.model.keys[key] === RETURN);
    if (result.length) this.list("Result", result, called);
    for (const [, title] of GROUPS.slice(1)) if (shown(title).length) this.list(title, shown(title), called);
    return rest;
  }

  groupOf(key) {
    return GROUPS.find(([prefix]) => this.model.keys[key].startsWith(prefix));
  }

  list(title, pairs, called) {
    this.heading(title);
    const list = element("dl", "values");
    for (const [key, value] of pairs) {
      const group = this.groupOf(key);
      const name = this.model.keys[key];
      const label = group ? name.slice(group[0].length) : name === RETURN ? "return" : name;
      const shown = element("dd");
      shown.append(valueElement(value));
      const rule = called?.ruleOfKey.get(key);
      if (rule && isHidden(value, rule)) shown.append(element("div", "rule", inLine(rule)));
      list.append(element("dt", "", inLine(label)), shown);
    }
    this.pane.append(list);
  }

  showEvent([name, time, flat], slice) {
    const after = time === null ? "" : `, ${formatLength(Math.max(time - this.model.start[slice], 0), this.model.unit)} after its begin`;
    const pairs = [];
    for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], flat[i + 1]]);
    this.list(`Event ${inLine(name)}${after}`, pairs);
  }

  /** Shows links to the parent and to the first children. */
  showWay(slice) {
    const { model } = this;
    const parent = model.parent[slice];
    const children = [];
    let child = model.firstChild[slice];
    for (; child !== NO_ONE && children.length < LINKS; child = model.nextSibling[child]) children.push(child);
    if (parent !== NO_ONE) {
      this.heading("Parent");
      this.pane.append(this.link(parent));
    }
    if (!children.length) return;
    this.heading(child === NO_ONE ? "Children" : "First children");
    for (const each of children) this.linkLine(each);
  }

  linkLine(slice) {
    const line = element("p");
    const length = formatLength(this.model.extent[slice], this.model.unit);
    line.append(this.link(slice), element("span", "where", `  ${length}`));
    this.pane.append(line);
  }

  link(slice) {
    const link = element("button", "link", (this.model.isError(slice) ? "\u2715 " : "") + this.model.name(slice));
    link.type = "button";
    link.addEventListener("click", () => this.timeline.select(slice, true));
    return link;
  }

  showIds(ids, links) {
    this.heading("Ids");
    const list = element("dl", "values");
    const add = (name, text) => {
      const shown = element("dd");
      shown.append(valueElement(text));
      list.append(element("dt", "", name), shown);
    };
    if (ids) {
      add("trace", this.model.keys[ids[0]]);
      add("span", ids[1]);
    }
    for (const [trace, span] of links) add("linked to", `${trace} ${span}`);
    this.pane.append(list);
  }

  showRun(slice) {
    const { model, pane } = this;
    const [spans, errors, calls] = model.runs.get(slice);
    pane.append(element("h2", "", model.name(slice)));
    this.line(this.timeText(slice));
    this.line(`Stands for ${formatCount(spans)} spans with those below them${errors ? `, ${formatCount(errors)} of them failed` : ""}. `
      + "Their values are not in this page; the table of functions counts them.");
    const list = element("dl", "values");
    for (const [number, count, total] of calls) {
      list.append(element("dt", "", model.functions[number].shown), element("dd", "", `${formatCount(count)} calls, ${formatLength(total, model.unit)} in all`));
    }
    pane.append(list);
    this.showWay(slice);
  }
}

/** Returns where the function's own name begins, its classes included. */
function ownNameBegin(name) {
  let begin = name.lastIndexOf(".") + 1;
  while (begin > 1) {
    const before = name.lastIndexOf(".", begin - 2) + 1;
    if (!/^_{0,2}[A-Z]/.test(name.slice(before, begin))) break;
    begin = before;
  }
  return begin;
}

function laneOf(model, slice) {
  return model.lanes.find((lane) => model.row[slice] < lane.first + lane.rows);
}

function isHidden(value, rule) {
  return SENTINELS.has(value) || !rule.startsWith("allowed");
}

/** The table of functions: sorted by a click, a row marks its spans. */
class FunctionTable {
  constructor(model, onChoose) {
    this.model = model;
    this.onChoose = onChoose;
    this.order = model.functions.map((_, number) => number);
    this.shown = ROWS_AT_FIRST;
    this.chosen = NO_ONE;
    const length = (value) => (model.unit === "ns" ? formatLength(value, "ns") : formatCount(value));
    /** @type {[string, string, string, ((value: any) => string)?][]} */
    this.columns = [
      ["Function", "", "shown", null],
      ["Calls", "", "calls", formatCount],
      ["Total", "time in it, calls inside of its own calls counted once", "total", length],
      ["Self", "time in it, without its children on the same thread and without waiting", "own", length],
      ["Errors", "", "errors", formatCount],
      ["p50", "half of the calls took at most this", "p50", length],
      ["p95", "95 % of the calls took at most this", "p95", length],
      ["Max", "", "longest", length],
    ];
    this.sorted = "own";
    this.isDown = true;
    this.makeHead();
    this.sort("own", true);
  }

  makeHead() {
    const head = document.getElementById("columns");
    for (const [title, explanation, field] of this.columns) {
      const cell = element("th");
      cell.scope = "col";
      const button = element("button", "", title);
      button.type = "button";
      if (explanation) button.title = explanation;
      button.addEventListener("click", () => this.sort(field, field === this.sorted ? !this.isDown : field !== "shown"));
      cell.append(button);
      head.append(cell);
    }
  }

  sort(field, isDown) {
    this.sorted = field;
    this.isDown = isDown;
    const { functions } = this.model;
    const compare = field === "shown"
      ? (a, b) => (functions[a].shown < functions[b].shown ? -1 : 1)
      : (a, b) => functions[a][field] - functions[b][field];
    this.order.sort((a, b) => (isDown ? -compare(a, b) : compare(a, b)) || a - b);
    [...document.getElementById("columns").children].forEach((cell, place) => {
      const [title, , own] = this.columns[place];
      const isThis = own === field;
      cell.ariaSort = isThis ? (isDown ? "descending" : "ascending") : "none";
      cell.firstChild.textContent = isThis ? `${title} ${isDown ? "\u2193" : "\u2191"}` : title;
    });
    this.fill();
  }

  fill() {
    const rows = this.order.slice(0, this.shown).map((number) => this.makeRow(number));
    document.getElementById("rows").replaceChildren(...rows);
    const more = document.getElementById("more");
    more.replaceChildren();
    if (this.order.length <= this.shown) return;
    const button = element("button", "link", `show ${formatCount(this.order.length - this.shown)} more functions`);
    button.type = "button";
    button.addEventListener("click", () => {
      this.shown += 1000;
      this.fill();
    });
    more.append(button);
  }

  makeRow(number) {
    const called = this.model.functions[number];
    const row = element("tr", number === this.chosen ? "chosen" : "");
    for (const [, , field, format] of this.columns) {
      if (format) {
        row.append(element("td", field === "errors" && called.errors ? "failed" : "", format(called[field])));
        continue;
      }
      const button = element("button", "link");
      button.type = "button";
      // a name too long for its column loses the end of its module, not its own
      const begin = ownNameBegin(called.shown);
      button.append(element("span", "module", called.shown.slice(0, begin)), element("span", "own", called.shown.slice(begin)));
      if (called.place) button.append(element("span", "place", called.place));
      button.title = called.file ? `${called.shown}\n${inLine(called.file)}:${called.line}` : called.shown;
      button.addEventListener("click", () => this.onChoose(number));
      const cell = element("td");
      cell.append(button);
      row.append(cell);
    }
    return row;
  }

  choose(number) {
    this.chosen = number;
    this.fill();
  }
}
