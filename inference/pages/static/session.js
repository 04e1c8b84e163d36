// Who is logged in: the name at the top, the token that a change must bring, and what to do once nobody is.
"use strict";

const ASK_AGAIN_MS = 60_000;
const MOST_NAMES = 8;
const isPublic = "public" in document.body.dataset; // a page for everybody, logged in or not

let known; // {name, role, means, csrf_token}; null: nobody is logged in; undefined: not known yet
let me; // promise of it

async function fetchMe(signal) {
  const reply = await fetch("/v1/me", { signal });
  if (reply.status === 401) return null;
  if (!reply.ok) throw new Error(`${reply.status}`);
  return reply.json();
}

function askMe(signal = AbortSignal.timeout(5000)) {
  me = fetchMe(signal);
  me.then(heardMe, () => {}); // whoever waits for it deals with that
  return me;
}

function heardMe(found) {
  const before = known;
  known = found;
  const name = found?.name ?? "";
  if (localStorage.me !== name) localStorage.me = name; // other tabs hear of it
  rememberName(found);
  showMe();
  if (before === undefined || before?.name !== found?.name) document.dispatchEvent(new CustomEvent("me"));
}

// ---- asking and changing -------------------------------------------------------------------

async function ask(url, options) {
  const reply = await fetch(url, options);
  if (reply.status === 401) heardMe(null);
  return reply;
}

// The token that is known goes with a change; where it is of another session, it is asked for anew, once.
async function post(url, body, signal, headers) {
  const soon = new Promise((done) => setTimeout(done, 300));
  if (known === undefined) await Promise.race([me.catch(() => null), soon]);
  const send = () =>
    ask(url, {
      method: "POST",
      headers: {
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
        ...(known?.csrf_token && { "X-CSRF-Token": known.csrf_token }),
      },
      body: body && JSON.stringify(body),
      signal,
    });
  const reply = await send();
  if (reply.status !== 403) return reply;
  await askMe(signal);
  return send();
}

// ---- the name at the top, and the question who works here ----------------------------------

function showMe() {
  const here = location.pathname + location.search;
  const address = `/login?next=${encodeURIComponent(here)}`;
  const link = el("me");
  link.href = address;
  link.hidden = location.pathname === "/login" || (known !== null && known.means !== "session");
  link.querySelector("span").textContent = known ? `${known.name}, ${known.role}` : "Log in";
  el("nav-audit").hidden = known?.role !== "admin";
  const dialog = el("ended");
  if (!dialog) return;
  dialog.querySelector("[name=next]").value = here;
  el("ended-password").href = address;
  if (known) dialog.close();
  else if (!dialog.open) dialog.showModal(); // also after it was closed, with each thing that is refused
}

// The log-in page offers the names of those whose password was right at this terminal.
const rememberedNames = () => JSON.parse(localStorage.names || "[]");
function rememberName(found) {
  if (found?.means !== "session" || sessionStorage.typed !== found.name) return;
  const others = rememberedNames().filter((name) => name !== found.name);
  localStorage.names = JSON.stringify([found.name, ...others].slice(0, MOST_NAMES));
  delete sessionStorage.typed;
}

if ("nobody" in document.body.dataset) {
  me = Promise.resolve(null);
  heardMe(null);
} else askMe();
if (!isPublic) {
  addEventListener("storage", (event) => event.key === "me" && askMe());
  addEventListener("pageshow", (event) => event.persisted && askMe());
  document.addEventListener("visibilitychange", () => document.hidden || known === null || askMe());
  setInterval(() => known === null || askMe(), ASK_AGAIN_MS);
}
