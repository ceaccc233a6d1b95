const WHEEL_ZOOM = 0.0022;
const OVERVIEW_ROW = 2;

/** The window on the timeline: what is seen, what is selected, and how hands move it. */
class Timeline {
  constructor(model, onSelect) {
    this.model = model;
    this.onSelect = onSelect;
    this.canvas = document.getElementById("spans");
    this.overview = /** @type {HTMLCanvasElement} */ (document.getElementById("overview"));
    this.scroller = document.getElementById("scroll");
    this.tip = document.getElementById("tip");
    this.from = 0;
    this.to = model.length;
    this.scroll = 0;
    this.selected = NO_ONE;
    this.isWaiting = false;
    this.placeLanes();
    this.painter = new Painter(model);
    this.backdrop = null;
    this.listen();
    this.fit();
  }

  placeLanes() {
    let top = 2;
    this.tops = [];
    for (const lane of this.model.lanes) {
      lane.top = top;
      for (let row = 0; row < lane.rows; row++) this.tops.push(top + LANE_HEAD + row * ROW);
      top += LANE_HEAD + lane.rows * ROW + 4;
    }
    this.contentHeight = top;
  }

  topOf(row) {
    return this.tops[row];
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    canvas.addEventListener("dblclick", (event) => {
      const slice = this.sliceAt(event);
      if (slice !== NO_ONE) this.zoomTo(slice);
    });
    this.scroller.addEventListener("scroll", () => {
      this.scroll = this.scroller.scrollTop;
      this.redraw();
    });
    this.overview.addEventListener("pointerdown", (event) => this.onOverview(event));
    new ResizeObserver(() => this.onResize()).observe(document.getElementById("view"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.retheme());
  }

  onResize() {
    document.getElementById("height").style.height = `${this.contentHeight + AXIS}px`;
    this.backdrop = null;
    this.redraw();
  }

  retheme() {
    this.painter.palette = new Palette();
    this.backdrop = null;
    this.redraw();
  }

  /** Draws once before the next frame is shown. */
  redraw() {
    if (this.isWaiting) return;
    this.isWaiting = true;
    requestAnimationFrame(() => {
      this.isWaiting = false;
      const begin = performance.now();
      this.painter.draw(this.canvas, this);
      this.drawOverview();
      this.canvas.dataset.drawMs = (performance.now() - begin).toFixed(2);
      this.canvas.dataset.from = String(this.from);
      this.canvas.dataset.to = String(this.to);
      this.canvas.dataset.selected = String(this.selected);
    });
  }

  // ---------------------------------------------------------------- the window

  show(from, to) {
    const { length } = this.model;
    const margin = length * 0.01;
    const least = this.model.unit === "ns" ? 50 : 4;
    const extent = Math.min(Math.max(to - from, least), length + 2 * margin);
    const middle = (from + to) / 2;
    this.from = Math.min(Math.max(middle - extent / 2, -margin), length + margin - extent);
    this.to = this.from + extent;
    this.redraw();
  }

  fit() {
    const margin = this.model.length * 0.01;
    this.show(-margin, this.model.length + margin);
  }

  zoom(factor, share = 0.5) {
    const extent = this.to - this.from;
    const fixed = this.from + extent * share;
    this.show(fixed - extent * factor * share, fixed + extent * factor * (1 - share));
  }

  move(share) {
    const distance = (this.to - this.from) * share;
    this.show(this.from + distance, this.to + distance);
  }

  zoomTo(slice) {
    const margin = Math.max(this.model.extent[slice] * 0.05, 1);
    this.show(this.model.start[slice] - margin, this.model.end(slice) + margin);
    this.reveal(slice);
  }

  /** Moves the window so that a slice is seen, without more zoom than needed. */
  reveal(slice) {
    const { model } = this;
    const begin = model.start[slice];
    const end = model.end(slice);
    const extent = this.to - this.from;
    if (end < this.from || begin > this.to) {
      const middle = (begin + Math.min(end, begin + extent)) / 2;
      this.show(middle - extent / 2, middle + extent / 2);
    }
    const pixels = (model.extent[slice] / (this.to - this.from)) * this.canvas.clientWidth;
    if (pixels < 3) {
      const wide = Math.max(model.extent[slice] * 8, 50);
      this.show((begin + end) / 2 - wide, (begin + end) / 2 + wide);
    }
    const top = this.topOf(model.row[slice]);
    const room = this.canvas.clientHeight - AXIS - ROW;
    if (top < this.scroll + LANE_HEAD) this.scrollTo(top - LANE_HEAD - ROW);
    else if (top > this.scroll + room) this.scrollTo(top - room + ROW);
    this.redraw();
  }

  scrollTo(top) {
    this.scroller.scrollTop = top;
    this.scroll = this.scroller.scrollTop;
  }

  select(slice, isRevealed = false) {
    this.selected = slice;
    if (slice !== NO_ONE && isRevealed) this.reveal(slice);
    this.redraw();
    this.onSelect(slice);
  }

  // ---------------------------------------------------------------- hands

  sliceAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top - AXIS + this.scroll;
    if (event.clientY - box.top < AXIS) return NO_ONE;
    let row = this.tops.length - 1;
    while (row >= 0 && this.tops[row] > y) row--;
    if (row < 0 || y >= this.tops[row] + ROW) return NO_ONE;
    const perPixel = (this.to - this.from) / box.width;
    return this.model.at(row, this.from + x * perPixel, perPixel * 2);
  }

  onWheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const box = this.canvas.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      const speed = Math.abs(event.deltaY) < 20 ? 4 : 1; // a pinch comes in small steps
      this.zoom(Math.exp(event.deltaY * unit * WHEEL_ZOOM * speed), (event.clientX - box.left) / box.width);
      return;
    }
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (sideways) this.move((sideways * unit) / box.width);
    if (!event.shiftKey && event.deltaY) this.scrollTo(this.scroll + event.deltaY * unit);
  }

  onDown(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const { from, to, scroll } = this;
    const perPixel = (to - from) / this.canvas.clientWidth;
    let isDrag = false;
    const move = (moved) => {
      const x = moved.clientX - event.clientX;
      const y = moved.clientY - event.clientY;
      isDrag ||= Math.abs(x) + Math.abs(y) > 4;
      if (!isDrag) return;
      this.show(from - x * perPixel, to - x * perPixel);
      this.scrollTo(scroll - y);
    };
    const up = () => {
      this.canvas.removeEventListener("pointermove", move);
      this.canvas.removeEventListener("pointerup", up);
      this.canvas.removeEventListener("pointercancel", up);
      if (!isDrag) this.select(this.sliceAt(event));
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up);
    this.canvas.addEventListener("pointercancel", up);
  }

  onMove(event) {
    const slice = event.buttons ? NO_ONE : this.sliceAt(event);
    this.tip.hidden = slice === NO_ONE;
    this.canvas.style.cursor = slice === NO_ONE ? "default" : "pointer";
    if (slice === NO_ONE) return;
    const length = formatLength(this.model.extent[slice], this.model.unit);
    this.tip.textContent = `${this.model.name(slice)}  ${length}${this.model.isError(slice) ? ", failed" : ""}`;
    const box = this.canvas.getBoundingClientRect();
    const left = Math.min(event.clientX - box.left + 12, box.width - this.tip.offsetWidth - 4);
    const below = event.clientY - box.top + 18;
    const isLow = below + this.tip.offsetHeight > box.height;
    this.tip.style.left = `${Math.max(left, 0)}px`;
    this.tip.style.top = `${isLow ? below - this.tip.offsetHeight - 30 : below}px`;
  }

  onOverview(event) {
    if (event.button !== 0) return;
    this.overview.setPointerCapture(event.pointerId);
    const box = this.overview.getBoundingClientRect();
    const time = (moved) => ((moved.clientX - box.left) / box.width) * this.model.length;
    const begin = time(event);
    const extent = this.to - this.from;
    this.show(begin - extent / 2, begin + extent / 2);
    const move = (moved) => {
      if (Math.abs(moved.clientX - event.clientX) < 4) return;
      const end = time(moved);
      this.show(Math.min(begin, end), Math.max(begin, end));
    };
    const up = () => {
      this.overview.removeEventListener("pointermove", move);
      this.overview.removeEventListener("pointerup", up);
      this.overview.removeEventListener("pointercancel", up);
    };
    this.overview.addEventListener("pointermove", move);
    this.overview.addEventListener("pointerup", up);
    this.overview.addEventListener("pointercancel", up);
  }

  // ---------------------------------------------------------------- the overview

  drawOverview() {
    const { pen, width, height } = prepare(this.overview);
    if (!this.backdrop || this.backdrop.width !== this.overview.width) this.backdrop = this.drawBackdrop(width, height);
    pen.clearRect(0, 0, width, height);
    pen.drawImage(this.backdrop, 0, 0, width, height);
    const scale = width / this.model.length;
    const left = Math.max(this.from * scale, 0);
    const right = Math.min(this.to * scale, width);
    const { palette } = this.painter;
    pen.fillStyle = palette.page;
    pen.globalAlpha = 0.4;
    pen.fillRect(0, 0, left, height);
    pen.fillRect(right, 0, width - right, height);
    pen.globalAlpha = 1;
    pen.strokeStyle = palette.accent;
    pen.strokeRect(left + 0.5, 0.5, Math.max(right - left - 1, 2), height - 1);
  }

  /** Draws every row as a thin line, the deepest ones on top of each other. */
  drawBackdrop(width, height) {
    const backdrop = document.createElement("canvas");
    backdrop.width = this.overview.width;
    backdrop.height = this.overview.height;
    const pen = backdrop.getContext("2d");
    pen.scale(backdrop.width / width, backdrop.height / height);
    const { model, painter } = this;
    const scale = width / model.length;
    const share = Math.min(OVERVIEW_ROW + 1, (height - 4) / Math.max(model.rows.length, 1));
    model.rows.forEach((row, number) => {
      const y = 2 + number * share;
      let place = 0;
      while (place < row.slices.length) {
        const slice = row.slices[place];
        const left = Math.floor(model.start[slice] * scale);
        const extent = Math.max(model.extent[slice] * scale, 1);
        const next = extent > 1 ? place + 1 : model.lowerBound(row, (left + 1) / scale, place + 1);
        const isError = extent > 1 ? model.isError(slice) : row.errors[next] > row.errors[place];
        pen.fillStyle = isError ? painter.palette.error : painter.colorOf(slice);
        pen.fillRect(left, y, extent, Math.max(share - 0.4, 0.6));
        place = next;
      }
    });
    return backdrop;
  }
}
