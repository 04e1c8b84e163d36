// Who is logged in: the name at the top, and the token that a change must bring.
"use strict";

const ASK_AGAIN_MS = 60_000;

async function fetchMe(signal = AbortSignal.timeout(5000)) {
  const reply = await fetch("/v1/me", { signal });
  if (reply.status === 401) return null;
  if (!reply.ok) throw new Error(`${reply.status}`);
  return reply.json();
}

function askMe(signal) {
  const asked = fetchMe(signal);
  asked.catch(() => {}); // whoever waits for it deals with that
  return asked;
}

let me = askMe(); // {name, role, means, csrf_token}; null: nobody is logged in

// Headers of a change: `headers: { ...(await csrfHeaders()) }`. Asked anew, for a tab may outlive its session.
async function csrfHeaders(signal) {
  me = askMe(signal);
  const token = (await me)?.csrf_token;
  return token ? { "X-CSRF-Token": token } : {};
}

// The same, of what is known already: for what cannot wait for another question.
async function heldCsrfHeaders() {
  const soon = new Promise((done) => setTimeout(done, 300));
  const token = (await Promise.race([me.catch(() => null), soon]))?.csrf_token;
  return token ? { "X-CSRF-Token": token } : {};
}

async function showMe() {
  const known = await me;
  const link = document.getElementById("me");
  const here = location.pathname + location.search;
  link.href = `/login?next=${encodeURIComponent(here)}`;
  link.hidden = known?.means !== "session" || location.pathname === "/login";
  link.querySelector("span").textContent = known ? `${known.name}, ${known.role}` : "";
  document.getElementById("nav-audit").hidden = known?.role !== "admin";
}

async function stillMe() {
  me = askMe();
  const known = await me.catch(() => undefined);
  const open = ["/login", "/docs"].includes(location.pathname);
  if (known === null && !open) location.reload(); // the session has ended: the server asks who it is
}

addEventListener("DOMContentLoaded", () => showMe().catch(() => {}));
setInterval(stillMe, ASK_AGAIN_MS);
