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

// The page itself is the source: what the server would show now replaces what is shown, only where it differs.
async function refresh() {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (response.status >= 500) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("live");
  if (page.documentElement.dataset.epoch !== document.documentElement.dataset.epoch) {
    document.getElementById("changed").hidden = false;
  }
  if (!fresh) return;
  if (page.title !== document.title && !document.getElementById("comment")) return location.reload();
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
localTimes(document);
document.querySelector(".alert")?.focus();
document.querySelector('#changed a')?.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
