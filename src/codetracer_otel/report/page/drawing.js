const ROW = 18;
const LANE_HEAD = 19;
const AXIS = 22;
const CHARACTER = 6.1; // width of one at 11 px, about

/** Colours of the theme in force. */
class Palette {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    this.page = read("--page");
    this.panel = read("--panel");
    this.line = read("--line");
    this.text = read("--text");
    this.soft = read("--soft");
    this.accent = read("--accent");
    this.error = read("--error");
    this.mark = read("--mark");
    this.lane = read("--lane");
    this.isDark = style.colorScheme === "dark";
    this.hatch = this.makeHatch();
    this.hues = new Map();
  }

  /** Returns the colour of a function: one hue for each module, some shades in it. */
  of(called) {
    const { name } = called;
    if (!this.hues.has(called)) {
      const module = name.slice(0, Math.max(name.lastIndexOf("."), 0)) || called.file;
      const hue = 35 + (hash(module) % 29) * 10; // red is for what failed
      const shade = (hash(name) % 5) * 3;
      this.hues.set(called, this.isDark ? this.darkColor(hue, shade) : `hsl(${hue} ${58 + shade}% ${76 + shade / 2}%)`);
    }
    return this.hues.get(called);
  }

  /** Returns the lightest colour of a hue on which the text can still be read. */
  darkColor(hue, shade) {
    let lightness = 50;
    while (luminance(hue, 0.4, lightness / 100) > 0.13) lightness--;
    return `hsl(${hue} 40% ${lightness - shade / 2}%)`;
  }

  makeHatch() {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = this.lane;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = this.soft;
    pen.globalAlpha = 0.7;
    pen.beginPath();
    for (const x of [-8, 0, 8]) {
      pen.moveTo(x, 8);
      pen.lineTo(x + 8, 0);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }
}

/** Returns the relative luminance of WCAG 2, from 0 to 1. */
function luminance(hue, saturation, lightness) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const part = (offset) => {
    const place = (offset + hue / 30) % 12;
    const value = lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1));
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(0) + 0.7152 * part(8) + 0.0722 * part(4);
}

function hash(text) {
  let value = 2166136261;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619);
  return value >>> 0;
}

/** Makes a canvas as sharp as the screen; returns its pen and size in CSS pixels. */
function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { pen, width, height };
}

/** Draws the part of the timeline that a window shows. */
class Painter {
  constructor(model) {
    this.model = model;
    this.palette = new Palette();
    /** @type {CanvasRenderingContext2D} */
    this.pen = null;
    this.width = this.height = this.scale = 0;
    this.view = null;
  }

  draw(canvas, view) {
    const { pen, width, height } = prepare(canvas);
    Object.assign(this, { pen, width, height, view, scale: width / (view.to - view.from) });
    pen.font = "11px system-ui, 'Segoe UI', Roboto, sans-serif";
    pen.textBaseline = "middle";
    pen.fillStyle = this.palette.page;
    pen.fillRect(0, 0, width, height);
    this.drawGrid();
    for (const lane of this.model.lanes) this.drawLane(lane);
    this.drawSelection();
    this.drawAxis();
  }

  x(time) {
    return (time - this.view.from) * this.scale;
  }

  drawLane(lane) {
    const top = AXIS + lane.top - this.view.scroll;
    const bottom = top + LANE_HEAD + lane.rows * ROW;
    if (bottom < AXIS || top > this.height) return;
    const firstRow = Math.max(0, Math.floor((AXIS - top - LANE_HEAD) / ROW));
    const lastRow = Math.min(lane.rows - 1, Math.floor((this.height - top - LANE_HEAD) / ROW));
    for (let row = firstRow; row <= lastRow; row++) {
      this.drawRow(this.model.rows[lane.first + row], top + LANE_HEAD + row * ROW);
    }
    this.pen.fillStyle = this.palette.lane;
    this.pen.fillRect(0, top, this.width, LANE_HEAD - 2);
    this.pen.fillStyle = this.palette.text;
    this.pen.fillText(this.fit(lane.label, this.width - 12), 6, top + LANE_HEAD / 2 - 0.5);
  }

  drawRow(row, y) {
    const { model, view } = this;
    const { slices } = row;
    let place = Math.max(model.lowerBound(row, view.from) - 1, 0);
    while (place < slices.length) {
      const slice = slices[place];
      if (model.start[slice] >= view.to) return;
      const left = this.x(model.start[slice]);
      const right = this.x(model.end(slice));
      if (right - left >= 1.5) {
        if (right >= 0) this.drawSlice(slice, left, right, y);
        place++;
      } else {
        place = this.drawMerged(row, place, left, y);
      }
    }
  }

  /** Draws all that begins in one pixel as one; returns the place behind. */
  drawMerged(row, place, left, y) {
    const pixel = Math.floor(left);
    const limit = this.view.from + (pixel + 1) / this.scale;
    let next = this.model.lowerBound(row, limit, place + 1);
    const last = row.slices[next - 1];
    if (next - 1 > place && this.x(this.model.end(last)) - this.x(this.model.start[last]) >= 1.5) next--;
    if (pixel < -1) return next;
    const isError = row.errors[next] > row.errors[place];
    const isDim = row.matches && row.matches[next] === row.matches[place];
    this.pen.globalAlpha = isDim ? 0.2 : 1;
    this.pen.fillStyle = isError ? this.palette.error : this.colorOf(row.slices[place]);
    this.pen.fillRect(pixel, y, 1, ROW - 2);
    this.pen.globalAlpha = 1;
    return next;
  }

  colorOf(slice) {
    const { model, palette } = this;
    return model.isFolded(slice) ? palette.soft : palette.of(model.functions[model.functionOf[slice]]);
  }

  drawSlice(slice, left, right, y) {
    const { pen, model, palette } = this;
    const x = Math.max(left, -2);
    const width = Math.min(right, this.width + 2) - x - (right - left > 4 ? 1 : 0.5);
    const isError = model.isError(slice);
    pen.globalAlpha = model.matched && !model.matched[slice] ? 0.2 : 1;
    pen.fillStyle = model.isFolded(slice) ? palette.hatch : this.colorOf(slice);
    pen.fillRect(x, y, width, ROW - 2);
    if (isError) {
      pen.fillStyle = palette.error;
      pen.fillRect(x, y + ROW - 5, width, 3);
      pen.fillRect(x, y, Math.min(3, width), ROW - 2);
    }
    if (width > 20) this.drawName(slice, x, width, y, isError);
    pen.globalAlpha = 1;
  }

  drawName(slice, x, width, y, isError) {
    const mark = isError && !this.model.isFolded(slice) ? "\u2715 " : "";
    const room = width - 8;
    const name = mark + this.model.name(slice);
    const text = this.fits(name, room) ? name : this.fit(mark + this.model.briefName(slice), room);
    if (this.model.isFolded(slice)) {
      this.pen.fillStyle = this.palette.page;
      this.pen.fillRect(Math.max(x, 0) + 2, y + 2, Math.min(this.pen.measureText(text).width + 5, width - 3), ROW - 6);
    }
    this.pen.fillStyle = this.palette.text;
    this.pen.fillText(text, Math.max(x, 0) + 4 + (isError ? 2 : 0), y + (ROW - 2) / 2, room);
  }

  fits(text, room) {
    return text.length * CHARACTER <= room;
  }

  fit(text, room) {
    const most = Math.floor(room / CHARACTER);
    if (text.length <= most) return text;
    return most < 2 ? "" : text.slice(0, most - 1) + "\u2026";
  }

  drawSelection() {
    const { selected } = this.view;
    if (selected === NO_ONE) return;
    const y = AXIS + this.view.topOf(this.model.row[selected]) - this.view.scroll;
    const left = Math.max(this.x(this.model.start[selected]), -4);
    const right = Math.min(this.x(this.model.end(selected)), this.width + 4);
    this.pen.strokeStyle = this.palette.accent;
    this.pen.lineWidth = 2;
    this.pen.strokeRect(left - 0.5, y - 0.5, Math.max(right - left, 2), ROW - 1);
  }

  ticks() {
    const { from, to, unit } = { ...this.view, unit: this.model.unit };
    const least = ((to - from) * 90) / this.width;
    const power = 10 ** Math.floor(Math.log10(least));
    const distance = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least) || least;
    const found = [];
    for (let time = Math.ceil(from / distance) * distance; time <= to; time += distance) found.push(time || 0);
    return { found, distance, unit };
  }

  drawGrid() {
    this.pen.fillStyle = this.palette.lane;
    for (const time of this.ticks().found) this.pen.fillRect(Math.round(this.x(time)), AXIS, 1, this.height);
  }

  drawAxis() {
    const { found, distance, unit } = this.ticks();
    this.pen.fillStyle = this.palette.panel;
    this.pen.fillRect(0, 0, this.width, AXIS - 1);
    this.pen.fillStyle = this.palette.line;
    this.pen.fillRect(0, AXIS - 1, this.width, 1);
    for (const time of found) {
      this.pen.fillStyle = this.palette.line;
      this.pen.fillRect(Math.round(this.x(time)), AXIS - 7, 1, 6);
      this.pen.fillStyle = this.palette.soft;
      this.pen.fillText(formatTick(time, distance, unit), Math.round(this.x(time)) + 4, AXIS / 2);
    }
  }
}
