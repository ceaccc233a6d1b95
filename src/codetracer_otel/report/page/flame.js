const FLAME_ROW = 18;

/** The calls merged by call path: each as wide as the time on it and below, the widest first. */
class Flame {
  /**
   * @param {Model} model
   * @param {(called: number) => void} onChoose
   */
  constructor(model, onChoose) {
    this.model = model;
    this.onChoose = onChoose;
    this.canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("flame-spans"));
    this.text = document.getElementById("flame-text");
    this.palette = new Palette();
    this.read(model.flame);
    this.top = NO_ONE;
    this.selected = NO_ONE;
    this.boxes = [];
    this.listen();
  }

  /** Sums up times and orders the children of each path. */
  read(columns) {
    this.parent = columns.parent;
    this.functionOf = columns.function;
    this.isCompared = this.model.isCompared;
    const count = this.parent.length;
    const own = (side) => (columns[side] ?? []).map(([time]) => time);
    this.calls = (columns.new ?? columns.all).map(([, calls]) => calls);
    this.oldCalls = (columns.old ?? columns.all).map(([, calls]) => calls);
    this.total = Float64Array.from(own(this.isCompared ? "new" : "all"));
    this.oldTotal = Float64Array.from(own(this.isCompared ? "old" : "all"));
    this.own = Float64Array.from(this.total);
    this.oldOwn = Float64Array.from(this.oldTotal);
    for (let path = count - 1; path >= 0; path--) {
      if (this.parent[path] === NO_ONE) continue;
      this.total[this.parent[path]] += this.total[path];
      this.oldTotal[this.parent[path]] += this.oldTotal[path];
    }
    this.width = this.total.map((time, path) => Math.max(time, this.isCompared ? this.oldTotal[path] : 0));
    this.children = Array.from({ length: count + 1 }, () => []);
    for (let path = 0; path < count; path++) this.children[this.parent[path] + 1].push(path);
    for (const paths of this.children) paths.sort((a, b) => this.width[b] - this.width[a] || a - b);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("click", (event) => this.select(this.at(event)));
    canvas.addEventListener("dblclick", (event) => this.zoomTo(this.at(event)));
    canvas.addEventListener("pointermove", (event) => {
      const path = this.at(event);
      canvas.style.cursor = path === NO_ONE ? "default" : "pointer";
      this.describe(path === NO_ONE ? this.selected : path);
    });
    canvas.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  onKey(event) {
    const steps = {
      ArrowUp: () => this.select(this.selected === NO_ONE ? NO_ONE : this.parent[this.selected]),
      ArrowDown: () => this.select(this.children[this.selected + 1][0] ?? this.selected),
      ArrowLeft: () => this.select(this.beside(-1)),
      ArrowRight: () => this.select(this.beside(1)),
      Enter: () => this.zoomTo(this.selected),
      0: () => this.zoomTo(NO_ONE),
    };
    const step = steps[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    step();
  }

  beside(distance) {
    if (this.selected === NO_ONE) return this.children[0][0] ?? NO_ONE;
    const siblings = this.children[this.parent[this.selected] + 1];
    return siblings[siblings.indexOf(this.selected) + distance] ?? this.selected;
  }

  select(path) {
    this.selected = path;
    this.describe(path);
    if (path !== NO_ONE) this.onChoose(this.functionOf[path]);
    this.draw();
  }

  zoomTo(path) {
    this.top = path;
    this.draw();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const hit = this.boxes.find((each) => y >= each.y && y < each.y + FLAME_ROW && x >= each.x && x < each.x + each.width);
    return hit ? hit.path : NO_ONE;
  }

  describe(path) {
    if (path === NO_ONE) {
      this.text.textContent = this.isCompared
        ? "Wider than before is red, narrower is blue. Double click or Enter zooms, 0 shows all."
        : "Time by call path, over all threads and calls. Double click or Enter zooms, 0 shows all.";
      return;
    }
    const { unit } = this.model;
    const called = this.model.functions[this.functionOf[path]];
    const length = (time) => formatLength(time, unit);
    const calls = this.calls[path];
    const all = this.isCompared
      ? `${formatCount(this.oldCalls[path])} \u2192 ${formatCount(calls)} calls, ${length(this.oldTotal[path])} \u2192 ${length(this.total[path])} in all, ${length(this.oldOwn[path])} \u2192 ${length(this.own[path])} self`
      : `${formatCount(calls)} ${calls === 1 ? "call" : "calls"}, ${length(this.total[path])} in all, ${length(this.own[path])} self`;
    this.text.textContent = `${called.shown}: ${all}`;
  }

  draw() {
    if (!this.canvas.clientWidth) return;
    const begin = performance.now();
    const { pen, width, height } = prepare(this.canvas);
    pen.font = "11px system-ui, 'Segoe UI', Roboto, sans-serif";
    pen.textBaseline = "middle";
    pen.fillStyle = this.palette.page;
    pen.fillRect(0, 0, width, height);
    this.boxes = [];
    const roots = this.top === NO_ONE ? this.children[0] : [this.top];
    const all = roots.reduce((sum, path) => sum + this.width[path], 0);
    const above = this.way(this.top);
    above.forEach((path, row) => this.drawBox(pen, path, 0, width, row * FLAME_ROW, true));
    if (all > 0) this.drawRow(pen, roots, 0, width / all, above.length * FLAME_ROW, width, height);
    this.canvas.dataset.boxes = String(this.boxes.length);
    this.canvas.dataset.drawMs = (performance.now() - begin).toFixed(2);
  }

  /** Returns the paths above one, the outermost first. */
  way(path) {
    const found = [];
    for (let above = path === NO_ONE ? NO_ONE : this.parent[path]; above !== NO_ONE; above = this.parent[above]) found.unshift(above);
    return found;
  }

  drawRow(pen, roots, left, scale, y, width, height) {
    const pending = [[roots, left, y]];
    while (pending.length) {
      const [paths, begin, top] = pending.pop();
      if (top > height) continue;
      let x = begin;
      for (const path of paths) {
        const extent = this.width[path] * scale;
        if (extent < 0.5) break; // the rest is narrower
        this.drawBox(pen, path, x, extent, top, false);
        if (this.children[path + 1].length) pending.push([this.children[path + 1], x, top + FLAME_ROW]);
        x += extent;
      }
    }
  }

  drawBox(pen, path, x, width, y, isAbove) {
    this.boxes.push({ path, x, y, width });
    pen.globalAlpha = isAbove ? 0.5 : 1;
    pen.fillStyle = this.colorOf(path);
    pen.fillRect(x, y, Math.max(width - 0.5, 0.5), FLAME_ROW - 1);
    pen.globalAlpha = 1;
    if (path === this.selected) {
      pen.strokeStyle = this.palette.accent;
      pen.lineWidth = 2;
      pen.strokeRect(x + 1, y + 1, Math.max(width - 2, 1), FLAME_ROW - 3);
    }
    const most = Math.floor((width - 6) / CHARACTER);
    if (most < 3) return;
    const called = this.model.functions[this.functionOf[path]];
    const name = called.shown.length <= most ? called.shown : called.brief;
    pen.fillStyle = this.palette.text;
    pen.fillText(name.length <= most ? name : `${name.slice(0, most - 1)}\u2026`, x + 3, y + FLAME_ROW / 2, width - 4);
  }

  colorOf(path) {
    if (!this.isCompared) return this.palette.of(this.model.functions[this.functionOf[path]]);
    const [before, now] = [this.oldTotal[path], this.total[path]];
    const change = Math.max(-1, Math.min(1, (now - before) / Math.max(before, now, 1)));
    const strength = Math.round(Math.abs(change) * 55);
    const light = this.palette.isDark ? 26 + strength / 6 : 92 - strength / 2.2;
    return `hsl(${change > 0 ? 8 : 215} ${12 + strength}% ${light}%)`;
  }

  retheme() {
    this.palette = new Palette();
    this.draw();
  }
}
