// The log-in page: names of this terminal as buttons, so that only a password is typed.
"use strict";

const MOST_NAMES = 8;
const field = (id) => document.getElementById(id);
const remembered = () => JSON.parse(localStorage.names || "[]");

function choose(name) {
  field("name").value = name;
  field("password").focus();
}

function nameButton(name) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = name;
  button.addEventListener("click", () => choose(name));
  return button;
}

async function start() {
  const names = remembered();
  field("names").replaceChildren(...names.map(nameButton));
  field("names").hidden = !names.length;
  const known = await me.catch(() => null);
  if (known?.means !== "session") return;
  field("now").querySelector("strong").textContent = known.name;
  field("now").hidden = false;
}

field("log-out").addEventListener("click", async () => {
  await fetch("/logout", { method: "POST", headers: await csrfHeaders() });
  location.assign("/login");
});
document.querySelector("form").addEventListener("submit", () => {
  const name = field("name").value.trim();
  if (!name || field("badge").value) return;
  localStorage.names = JSON.stringify([name, ...remembered().filter((n) => n !== name)].slice(0, MOST_NAMES));
});
start();
