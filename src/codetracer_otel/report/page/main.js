/** Finds spans by name at once, then by their values, a part at a time. */
class Search {
  constructor(model, timeline) {
    this.model = model;
    this.timeline = timeline;
    this.box = /** @type {HTMLInputElement} */ (document.getElementById("search"));
    this.output = document.getElementById("matches");
    const button = (id) => /** @type {HTMLButtonElement} */ (document.getElementById(id));
    this.buttons = [button("previous"), button("next")];
    this.turn = 0;
    this.found = [];
    let timer = 0;
    this.box.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.run(this.box.value), 120);
    });
    document.getElementById("search-form").addEventListener("submit", (event) => event.preventDefault());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        this.step(event.shiftKey ? -1 : 1);
      }
    });
    this.buttons[0].addEventListener("click", () => this.step(-1));
    this.buttons[1].addEventListener("click", () => this.step(1));
  }

  clear() {
    this.box.value = "";
    this.run("");
  }

  /** Marks the calls of a function; where two runs are compared, those of its namesakes too. */
  ofFunction(number) {
    this.turn++;
    const { model } = this;
    const { name, shown } = model.functions[number];
    const isIt = model.functions.map((called, other) => other === number || (model.isCompared && called.name === name));
    this.box.value = shown;
    const matched = new Uint8Array(model.count);
    for (let slice = 0; slice < model.count; slice++) matched[slice] = isIt[model.functionOf[slice]] ? 1 : 0;
    this.finish(matched, model.functions.reduce((sum, called, other) => sum + (isIt[other] ? called.calls : 0), 0));
  }

  run(text) {
    const turn = ++this.turn;
    const query = text.trim().toLowerCase();
    if (!query) {
      this.show(null, "");
      return;
    }
    const { model } = this;
    const matched = new Uint8Array(model.count);
    const names = model.functions.map((called) => called.name.toLowerCase().includes(query) || called.shown.toLowerCase().includes(query));
    for (let slice = 0; slice < model.count; slice++) {
      const isNamed = model.isFolded(slice)
        ? model.runs.get(slice)[2].some(([number]) => names[number])
        : names[model.functionOf[slice]];
      if (isNamed) matched[slice] = 1;
    }
    this.finish(matched, 0, "\u2026");
    setTimeout(() => this.searchValues(query, matched, turn, 0));
  }

  searchValues(query, matched, turn, first) {
    const { model } = this;
    const chunks = Math.ceil(model.count / model.chunkSize);
    // stands in JSON as it is; numbers and ids of traces stand elsewhere or otherwise
    const isPlain = /^[\w .:/-]*[g-z_ ][\w .:/-]*$/.test(query) && !/^(true|false|null|infinity|nan)/.test(query);
    const until = performance.now() + 12;
    let chunk = first;
    for (; chunk < chunks && performance.now() < until; chunk++) {
      if (turn !== this.turn) return;
      const text = model.detailText(chunk);
      if (isPlain && !text.toLowerCase().includes(query)) continue;
      JSON.parse(text).forEach((details, place) => {
        const slice = chunk * model.chunkSize + place;
        if (!matched[slice] && holds(details, query, model.keys)) matched[slice] = 1;
      });
    }
    if (chunk < chunks) setTimeout(() => this.searchValues(query, matched, turn, chunk));
    else if (turn === this.turn) this.finish(matched);
  }

  finish(matched, all = 0, more = "") {
    this.found = [];
    for (let slice = 0; slice < matched.length; slice++) if (matched[slice]) this.found.push(slice);
    const { start } = this.model;
    this.found.sort((a, b) => start[a] - start[b] || a - b);
    const of = all > this.found.length ? ` of ${formatCount(all)}` : "";
    this.show(matched, `${formatCount(this.found.length)}${of} found${more}`);
  }

  show(matched, text) {
    if (!matched) this.found = [];
    this.model.match(matched);
    this.output.textContent = text;
    for (const button of this.buttons) button.disabled = !this.found.length;
    this.timeline.redraw();
  }

  step(direction) {
    const next = stepThrough(this.model, this.found, this.timeline.selected, direction);
    if (next !== NO_ONE) this.timeline.select(next, true);
  }
}

/** Returns whether a value, an event, the message or an id holds the query. */
function holds(details, query, keys) {
  const has = (value) => String(value).toLowerCase().includes(query);
  const hasValue = (flat) => flat.some((value, place) => place % 2 && has(value));
  const [values = [], events = [], links = [], message = "", ids = null] = details;
  return hasValue(values)
    || events.some(([name, , flat]) => has(name) || hasValue(flat))
    || has(message)
    || links.some((link) => link.some(has))
    || (ids !== null && (has(ids[1]) || has(keys[ids[0]])));
}

/** Returns the slice after or before the current one, by time, round the end. */
function stepThrough(model, slices, current, direction) {
  if (!slices.length) return NO_ONE;
  const isBehind = (slice) => model.start[slice] > model.start[current] || (model.start[slice] === model.start[current] && slice > current);
  if (current === NO_ONE) return direction > 0 ? slices[0] : slices[slices.length - 1];
  if (direction > 0) return slices.find(isBehind) ?? slices[0];
  const before = slices.filter((slice) => slice !== current && !isBehind(slice));
  return before.length ? before[before.length - 1] : slices[slices.length - 1];
}

class Page {
  constructor(model) {
    this.model = model;
    this.timeline = new Timeline(model, (slice) => this.pane?.show(slice));
    this.pane = new DetailsPane(model, this.timeline);
    this.search = new Search(model, this.timeline);
    this.table = new FunctionTable(model, (number) => this.choose(number));
    this.flame = new Flame(model, (number) => this.mark(number));
    this.search.box.addEventListener("input", () => this.table.choose(NO_ONE));
    this.errors = failedSlices(model);
    this.showFacts();
    this.showChanges();
    this.listen();
    if (this.flame.isCompared) this.turnFlame();
  }

  /** Shows what two sides differ in; a click marks the function. */
  showChanges() {
    const list = document.getElementById("changes");
    list.hidden = !this.model.changes.length;
    for (const [kind, text, isWorse, number] of this.model.changes) {
      const item = element("li", isWorse ? "" : "better");
      item.append(element("span", "kind", kind));
      const shown = inLine(text.slice(kind.length).trim());
      if (number === NO_ONE) {
        item.append(shown);
      } else {
        const link = element("button", "link", shown);
        link.type = "button";
        link.addEventListener("click", () => this.mark(number));
        item.append(link);
      }
      list.append(item);
    }
  }

  /** Marks the calls of a function on the timeline and in the table. */
  mark(number) {
    this.table.choose(number);
    this.search.ofFunction(number);
  }

  turnFlame() {
    const flame = document.getElementById("flame");
    flame.hidden = !flame.hidden;
    document.getElementById("flames").ariaExpanded = String(!flame.hidden);
    this.flame.describe(this.flame.selected);
    this.flame.draw();
  }

  showFacts() {
    const { model } = this;
    const title = model.inputs.map(inLine).join(", ");
    document.getElementById("title").textContent = title;
    document.title = `${title} - trace`;
    const failed = model.functions.reduce((sum, called) => sum + called.errors, 0);
    const facts = [`${formatCount(model.spans)} spans`, formatLength(model.length, model.unit)];
    if (model.unit !== "ns") facts.push("a recording holds order, not time: lengths are steps");
    if (model.origin) facts.push(`from ${model.origin}`);
    document.getElementById("facts").textContent = facts.join(", ");
    const button = /** @type {HTMLButtonElement} */ (document.getElementById("next-error"));
    button.textContent = failed === 1 ? "1 error" : `${formatCount(failed)} errors`;
    button.classList.toggle("some", failed > 0);
    button.disabled = !this.errors.length;
    const notes = document.getElementById("notes");
    notes.hidden = !model.notes.length && !model.facts.length;
    notes.replaceChildren(
      ...model.notes.map((note) => element("li", "", inLine(note))),
      ...model.facts.map((fact) => element("li", "fact", inLine(fact))),
    );
  }

  listen() {
    const onClick = (id, action) => document.getElementById(id).addEventListener("click", action);
    onClick("zoom-in", () => this.timeline.zoom(0.6));
    onClick("zoom-out", () => this.timeline.zoom(1 / 0.6));
    onClick("fit", () => this.timeline.fit());
    onClick("theme", () => this.turnTheme());
    onClick("flames", () => this.turnFlame());
    onClick("help", () => this.turnHelp());
    onClick("next-error", () => this.nextError(1));
    document.addEventListener("keydown", (event) => this.onKey(event));
    this.listenToDivider();
  }

  listenToDivider() {
    const divider = document.getElementById("divider");
    const timeline = document.getElementById("timeline");
    const main = divider.parentElement;
    const set = (height) => {
      const share = Math.min(Math.max(height / main.clientHeight, 0.15), 0.9);
      timeline.style.flexBasis = `${share * 100}%`;
    };
    divider.addEventListener("pointerdown", (event) => {
      divider.setPointerCapture(event.pointerId);
      const move = (moved) => set(moved.clientY - main.getBoundingClientRect().top);
      divider.addEventListener("pointermove", move);
      divider.addEventListener("lostpointercapture", () => divider.removeEventListener("pointermove", move), { once: true });
    });
    divider.addEventListener("keydown", (event) => {
      const change = { ArrowUp: -30, ArrowDown: 30 }[event.key];
      if (!change) return;
      event.preventDefault();
      event.stopPropagation();
      set(timeline.clientHeight + change);
    });
  }

  choose(number) {
    if (this.table.chosen === number) {
      this.table.choose(NO_ONE);
      this.search.clear();
      return;
    }
    this.mark(number);
  }

  turnTheme() {
    const root = document.documentElement;
    const isDark = getComputedStyle(root).colorScheme === "dark";
    root.dataset.theme = isDark ? "light" : "dark";
    this.timeline.retheme();
    this.flame.retheme();
  }

  turnHelp() {
    const keys = document.getElementById("keys");
    keys.hidden = !keys.hidden;
    document.getElementById("help").ariaExpanded = String(!keys.hidden);
  }

  nextError(direction) {
    const next = stepThrough(this.model, this.errors, this.timeline.selected, direction);
    if (next !== NO_ONE) this.timeline.select(next, true);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      this.escape();
      return;
    }
    if (event.target instanceof HTMLInputElement) return;
    const isLower = event.target.closest?.("#lower"); // arrows scroll there
    const isPressed = event.key === "Enter" && event.target instanceof HTMLButtonElement;
    const action = this.actions(event, isLower || isPressed);
    if (!action) return;
    event.preventDefault();
    action();
  }

  actions(event, isOnControl) {
    const { timeline } = this;
    const anywhere = {
      "/": () => this.search.box.focus(),
      "?": () => this.turnHelp(),
      t: () => this.turnTheme(),
      f: () => this.turnFlame(),
      e: () => this.nextError(1),
      E: () => this.nextError(-1),
      "+": () => timeline.zoom(0.6),
      "=": () => timeline.zoom(0.6),
      "-": () => timeline.zoom(1 / 0.6),
      0: () => timeline.fit(),
    };
    if (anywhere[event.key]) return anywhere[event.key];
    if (isOnControl) return null;
    if (event.shiftKey) {
      return { ArrowLeft: () => timeline.move(-0.25), ArrowRight: () => timeline.move(0.25) }[event.key];
    }
    return {
      ArrowUp: () => this.go(this.model.parent),
      ArrowDown: () => this.go(this.model.firstChild),
      ArrowLeft: () => this.go(this.model.previousSibling),
      ArrowRight: () => this.go(this.model.nextSibling),
      Enter: () => timeline.selected !== NO_ONE && timeline.zoomTo(timeline.selected),
    }[event.key];
  }

  go(way) {
    const { selected } = this.timeline;
    const next = selected === NO_ONE ? 0 : way[selected];
    if (next !== NO_ONE && next < this.model.count) this.timeline.select(next, true);
  }

  escape() {
    if (this.search.box.value) {
      this.search.clear();
      this.table.choose(NO_ONE);
      this.timeline.canvas.focus();
    } else {
      this.timeline.select(NO_ONE);
    }
  }
}

new Page(new Model(JSON.parse(document.getElementById("trace").textContent)));
document.documentElement.dataset.state = "ready";
// since the address was opened, in ms: up to here the page is neither drawn nor answering
document.documentElement.dataset.readyMs = performance.now().toFixed(0);
