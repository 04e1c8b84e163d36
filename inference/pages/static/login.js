// The log-in page: names of this terminal as buttons, so that only a password is typed.
"use strict";

function choose(name) {
  el("name").value = name;
  el("password").focus();
}

async function start() {
  const names = rememberedNames();
  el("names").replaceChildren(...names.map((name) => makeButton("button", name, () => choose(name))));
  el("names").hidden = !names.length;
  const here = await me.catch(() => null);
  if (here?.means !== "session") return;
  el("now").querySelector("strong").textContent = here.name;
  el("now").hidden = false;
}

el("log-out").addEventListener("click", async () => {
  await post("/logout");
  location.assign("/login");
});
document.querySelector("form").addEventListener("submit", () => {
  sessionStorage.typed = el("badge").value ? "" : el("name").value.trim();
});
start();
