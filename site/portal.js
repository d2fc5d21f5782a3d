// What JavaScript adds: times in the reader's zone, pages that keep up by themselves. Everything works without it.
"use strict";

const CALM = 5000, EAGER = 700;

function localTimes(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

const page = document.documentElement.dataset, changed = document.querySelector("#changed .banner");
const here = changed?.querySelector("a").href ?? location.href;

// Operators have moved the service since this page was made: it asks to be refreshed, and leaves what is typed alone.
async function look() {
  const response = await fetch("/state", { cache: "no-cache" });
  if (!response.ok) return;
  const { epoch, activeRegion } = await response.json();
  const newer = epoch - page.epoch || (activeRegion > page.active) - (activeRegion < page.active);
  if (newer > 0) changed.hidden = false;
}

// Pages that were opened together must not ask together; those that nobody looks at do not ask.
function watch() {
  setTimeout(async () => {
    if (!document.hidden) await look().catch(() => {});
    watch();
  }, CALM * (0.75 + Math.random() / 2));
}

// What is typed outlives a refresh and an answer that never came; once it is accepted, it is forgotten.
const command = new URLSearchParams(location.search).get("command");

function keep() {
  const fields = document.querySelectorAll("form[method=post] :is(input[type=text], textarea)");
  const values = Object.fromEntries([...fields].map((field) => [field.id, field.value]));
  sessionStorage.setItem("typed", JSON.stringify({ path: new URL(here).pathname, command, values }));
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem("typed") ?? "null");
  const accepted = command && command !== kept?.command;
  if (!kept || (!accepted && kept.path !== new URL(here).pathname)) return;
  sessionStorage.removeItem("typed");
  for (const [id, value] of accepted ? [] : Object.entries(kept.values)) {
    const field = document.getElementById(id);
    if (field && !field.value) field.value = value;
  }
}

// A photo that is too large is refused before it is sent for minutes.
function check(input) {
  const large = input.files[0]?.size > input.dataset.largest;
  if (large) input.value = "";
  document.getElementById(`${input.id}-error`).textContent = large ? "This photo is too large. Please choose a smaller one." : "";
}

// The page itself is the source: what the server would show now replaces what is shown, only where it differs.
async function refresh() {
  const response = await fetch(here, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (response.status >= 500) return;
  const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = fetched.getElementById("live");
  if (!fresh) return;
  if (fetched.title !== document.title && !document.getElementById("comment")) return location.reload();
  if (fresh.innerHTML !== shown) show(fresh);
}

let shown = "";

function show(fresh) {
  shown = fresh.innerHTML;
  localTimes(fresh);
  document.getElementById("live").replaceWith(document.adoptNode(fresh));
}

function keepUp() {
  const waiting = document.getElementById("live").hasAttribute("data-waiting");
  setTimeout(async () => {
    if (!document.hidden) await refresh().catch(() => {});
    keepUp();
  }, waiting ? EAGER : CALM);
}

const live = document.getElementById("live");
if (live) {
  shown = live.innerHTML;
  keepUp();
}
if (changed) {
  restore();
  watch();
  document.addEventListener("visibilitychange", () => document.hidden || look().catch(() => {}));
  changed.querySelector("a").addEventListener("click", keep);
}
for (const form of document.querySelectorAll("form[method=post]")) form.addEventListener("submit", keep);
for (const input of document.querySelectorAll("[data-largest]")) input.addEventListener("change", () => check(input));
localTimes(document);
document.querySelector(".alert")?.focus();
