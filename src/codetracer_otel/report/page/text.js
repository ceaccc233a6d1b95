"use strict";

// Characters that draw nothing or change the direction of others; they are shown as escapes.
const HIDDEN = "\\u0000-\\u001f\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5" +
  "\\u180b-\\u180f\\u200b-\\u200f\\u2028-\\u202f\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff" +
  "\\uffa0\\ufff0-\\ufffb\\ud800-\\udfff\\u{e0000}-\\u{e0fff}";
const IN_LINE = new RegExp(`[${HIDDEN}]`, "gu");
const SPECIAL = new RegExp(`(?![\\n\\t])[${HIDDEN}]|<(?:redacted|dropped)>`, "gu");
const SENTINELS = new Set(["<redacted>", "<dropped>"]);
const SHOWN_AT_FIRST = 2000;

function escapeOf(character) {
  const code = character.codePointAt(0);
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
  return "\\u" + (code > 0xffff ? `{${code.toString(16)}}` : code.toString(16).padStart(4, "0"));
}

/** Returns text for one line. */
function inLine(text) {
  return text.replace(IN_LINE, escapeOf);
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Appends text; what is hidden in it, and what was redacted, stands out. */
function appendText(parent, text) {
  let done = 0;
  for (const found of text.matchAll(SPECIAL)) {
    parent.append(text.slice(done, found.index));
    const isSentinel = SENTINELS.has(found[0]);
    const shown = isSentinel ? found[0] : escapeOf(found[0]);
    parent.append(element("span", isSentinel ? "redacted" : "escape", shown));
    done = found.index + found[0].length;
  }
  parent.append(text.slice(done));
}

/** Returns an element that shows a value, a long one cut until it is asked for. */
function valueElement(value) {
  const text = typeof value === "string" ? value : String(value);
  const shown = element("div", "value");
  appendText(shown, text.slice(0, SHOWN_AT_FIRST));
  if (text.length <= SHOWN_AT_FIRST) return shown;
  const rest = text.length - SHOWN_AT_FIRST;
  const more = element("button", "link", `show ${rest.toLocaleString("en")} more characters`);
  more.type = "button";
  more.addEventListener("click", () => {
    more.remove();
    appendText(shown, text.slice(SHOWN_AT_FIRST));
  });
  const both = element("div");
  both.append(shown, more);
  return both;
}

function formatCount(number) {
  return number.toLocaleString("en");
}

function significant(number) {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}

/** Returns a length with its unit: ns, or steps of a recording. */
function formatLength(length, unit) {
  if (unit !== "ns") return `${formatCount(Math.round(length))} ${length === 1 ? "step" : "steps"}`;
  if (length >= 1e9) return `${significant(length / 1e9)} s`;
  if (length >= 1e6) return `${significant(length / 1e6)} ms`;
  if (length >= 1e3) return `${significant(length / 1e3)} \u00b5s`;
  return `${Math.round(length)} ns`;
}

/** Returns a time on the axis, exact to the distance of its ticks. */
function formatTick(time, distance, unit) {
  if (unit !== "ns") return formatCount(Math.round(time));
  /** @type {[number, string][]} */
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"]];
  for (const [size, name] of units) {
    if (time >= size || distance >= size) {
      const digits = Math.max(0, Math.ceil(Math.log10(size / distance) - 1e-9));
      return `${(time / size).toFixed(Math.min(digits, 9))} ${name}`;
    }
  }
  return `${Math.round(time)} ns`;
}
