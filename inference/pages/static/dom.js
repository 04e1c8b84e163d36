// What the scripts of all pages need: elements, signs, ids, and times as the wall clock here shows them.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const el = (id) => document.getElementById(id);

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function makeButton(className, text, run) {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", run);
  return button;
}

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function icon(name) {
  const drawing = svg("svg", { class: "icon", "aria-hidden": "true" });
  drawing.append(svg("use", { href: `#${name}` }));
  return drawing;
}

function randomId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12)); // randomUUID needs https
  return `${prefix}-${[...bytes].map((b) => b.toString(16).padStart(2, "0")).join("")}`;
}

// Swedish has the order and the 24 hours of ISO 8601.
const CLOCK = new Intl.DateTimeFormat("sv-SE", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short" });
const clockTime = (moment) => CLOCK.format(new Date(moment));

// The server writes UTC; the title keeps it.
function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(time.dateTime);
    time.title = time.textContent;
    time.textContent = `${DAY.format(moment)} ${CLOCK.format(moment)}`;
  }
}

document.addEventListener("DOMContentLoaded", () => localise(document));
