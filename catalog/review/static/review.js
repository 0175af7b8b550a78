// Keys, decisions, news. The server renders every page; this fetches the page again and swaps what changed.
"use strict";

const $ = (what, where = document) => where.querySelector(what);
const all = (what, where = document) => [...where.querySelectorAll(what)];
const tiles = () => all("main .tile");
const byId = (id) => tiles().find((tile) => tile.dataset.id === id);
const candidateOf = (tile) => tile.dataset.candidate || tile.dataset.id; // an asset's tile stands for one of its own
const UNDO = "limner-undo", MARKED = "limner-marked", PLACES = "limner-places", ZOOM = "limner-zoom";
const stored = (name) => JSON.parse(sessionStorage.getItem(name) || "[]");
const store = (name, list) => sessionStorage.setItem(name, JSON.stringify(list));

const rendered = new WeakMap(); // tile → the HTML it was made of
let queue = Promise.resolve(); // decisions are sent one after another, in the order of the keys
let acts = 0; // decisions begun and ended
let unsaved = 0; // how many could not be written
let fresh = Promise.resolve(), wanted = false; // the page being fetched again; whether a further fetch waits its turn
let asked = null; // the decision that the dialog is about: {look, keep}
let last = null; // id of the tile that had the focus last
let writes = "";

// where the focus was on this page, so that a reload and a way back find it again
const place = {
  all: () => JSON.parse(sessionStorage.getItem(PLACES) || "{}"),
  here: () => place.all()[location.pathname],
  set: (id) => sessionStorage.setItem(PLACES, JSON.stringify({ ...place.all(), [location.pathname]: id })),
};

function say(text) {
  $("#said").textContent = text;
}

function current() {
  const tile = document.activeElement && document.activeElement.closest("main .tile");
  return tile || (last && byId(last)) || null;
}

function focusOn(tile) {
  if (!tile) return;
  tile.focus();
  last = tile.dataset.id;
}

function step(by) {
  const list = tiles();
  if (!list.length) return;
  const at = list.indexOf(current());
  focusOn(list[at < 0 ? 0 : Math.min(Math.max(at + by, 0), list.length - 1)]);
}

function start() {
  if (location.hash) return;
  const [top] = tiles(), tile = byId(place.here()) || $("main .tile[data-first]") || top;
  if (!tile) return;
  tile.focus({ preventScroll: tile === top }); // what stands over the first tile stays in view
  last = tile.dataset.id;
}

function columns() {
  const list = tiles();
  if (!list.length) return 1;
  const top = list[0].offsetTop;
  return Math.max(1, list.filter((tile) => tile.offsetTop === top).length);
}

// the page again, with what changed

function refresh() {
  if (!wanted) {
    wanted = true;
    fresh = fresh.then(() => { wanted = false; return render(); }).catch(() => {});
  }
  return fresh;
}

async function render() {
  const before = acts, answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok) return;
  const text = await answer.text();
  if (acts !== before) return; // a decision was made meanwhile: this page is older, and the decision asks for another
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const old = $("main"), main = $("main", fresh);
  if (!main) return;
  const held = document.activeElement, inside = old.contains(held);
  if (inside && ["INPUT", "SELECT"].includes(held.tagName)) return; // somebody is typing here; the next news will do
  const tile = inside && held.closest(".tile"), index = tile ? tiles().indexOf(tile) : -1;
  const act = tile && held.dataset.do;
  const kept = new Map(all("[data-id]", old).map((one) => [one.dataset.id, one]));
  const totals = $("#totals", old);
  for (const one of all(".tile[data-id]", main)) {
    const before = kept.get(one.dataset.id);
    if (before && rendered.get(before) === one.outerHTML) one.replaceWith(before);
    else rendered.set(one, one.outerHTML);
  }
  const seen = zoom.now();
  old.replaceChildren(...main.childNodes);
  if (totals && $("#totals")) $("#totals").textContent = totals.textContent;
  zoom.show(seen);
  showMarks();
  if (inside && index >= 0) {
    const again = byId(tile.dataset.id) || tiles()[Math.min(index, tiles().length - 1)];
    const button = act && again && $(`[data-do="${act}"]`, again);
    if (button) button.focus({ preventScroll: true });
    else if (again) again.focus({ preventScroll: true });
    if (again) last = again.dataset.id;
  }
}

async function pulse() {
  const began = performance.now();
  const set = document.body.dataset.set;
  try {
    const answer = await fetch(`/pulse?${new URLSearchParams({ set, since: writes })}`);
    const news = await answer.json(), before = writes;
    if (!answer.ok) { say(news.error); $("#said").dataset.lost = "yes"; return; }
    writes = String(news.writes);
    if (news.sentence && $("#totals")) $("#totals").textContent = news.sentence;
    if (before && before !== writes) await refresh();
    if ($("#said").dataset.lost) { say(""); delete $("#said").dataset.lost; }
  } catch {
    say("The server does not answer. What was said to be saved is saved; start limner review again.");
    $("#said").dataset.lost = "yes";
  } finally {
    setTimeout(pulse, Math.max(2000, 10 * (performance.now() - began))); // a large library is not asked all the time
  }
}

// decisions

async function send(path, value) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
  } catch {
    throw new Error("NOT saved: the server does not answer.");
  }
  const told = await answer.json().catch(() => ({ error: `refused (${answer.status})` }));
  if (!answer.ok) throw new Error(`NOT saved: ${told.error}`);
  return told;
}

function enqueue(work) {
  queue = queue.then(() => { acts += 1; return work(); }).catch((error) => { unsaved += 1; say(error.message); }).finally(() => { acts += 1; refresh(); });
}

// a key that leaves the page waits until what was decided is saved; what could not be keeps the page and its message
function leave(go) {
  const before = unsaved;
  queue.then(() => { if (unsaved === before) go(); });
}

const ours = new Map(); // "candidate:seen" → what our own write made of it, so that quick keys are no conflict

function newest(candidate, seen) {
  while (ours.has(`${candidate}:${seen}`)) seen = ours.get(`${candidate}:${seen}`);
  return seen;
}

function wrote(candidate, seen, told) {
  if (told.seen !== seen) ours.set(`${candidate}:${seen}`, told.seen);
}

// what a person looks at when they press the key: that is what they decide on, whatever the page shows a moment later
function look(tile) {
  const { image, seen, name, id } = tile.dataset;
  return { candidate: candidateOf(tile), image, seen: Number(seen), name, id };
}

function decide({ candidate, image, seen, name }, keep, reasons, note, override) {
  enqueue(async () => {
    const known = newest(candidate, seen);
    const told = await send("/verdicts", { candidate, image, seen: known, keep, reasons, note, override });
    wrote(candidate, known, told);
    store(UNDO, [...stored(UNDO), { id: candidate, seen: told.seen, name }]);
    say(`Saved: ${told.name} ${told.word}.`);
  });
}

function undo(only) {
  const tile = only || current(), here = tile && tile.dataset.image ? look(tile) : null;
  enqueue(async () => {
    const done = stored(UNDO);
    const at = only ? done.map((one) => one.id).lastIndexOf(here.candidate) : done.length - 1;
    const entry = at >= 0 ? done[at] : null;
    if (!entry && !here) return say("Nothing to undo.");
    const candidate = entry ? entry.id : here.candidate, known = newest(candidate, entry ? entry.seen : here.seen);
    if (entry) store(UNDO, done.filter((_, index) => index !== at));
    const told = await send("/undo", { candidate, seen: known });
    wrote(candidate, known, told);
    say(`Undone: ${told.name} is ${told.word} again.`);
  });
}

function ask(tile, keep) {
  asked = { look: look(tile), keep };
  $("#why-title").textContent = `${keep ? "Keep, although not measured clear" : "Reject"}: ${tile.dataset.name}`;
  $("#why-reasons").hidden = keep;
  $("#why-go").textContent = keep ? "Keep with this note" : "Reject with this note";
  $("#why-note").value = "";
  $("#why").showModal();
  if (keep) $("#why-note").focus();
}

function answer(reason) {
  const note = $("#why-note").value.trim();
  if (!reason && !note) { $("#why-note").focus(); return; }
  const { look, keep } = asked, tile = byId(look.id);
  $("#why").close();
  focusOn(tile);
  decide(look, keep, keep ? [] : [reason || "other"], note, keep);
  if (!keep && tile && !tile.dataset.candidate) step(1); // a rejected asset stays in view: its next best comes
}

function keep(tile) {
  if (tile.dataset.unclear === "yes") return ask(tile, true);
  decide(look(tile), true, [], "", false);
  if (tile.dataset.candidate) step(1);
}

// tags, notes, saved searches: a text is asked for, then sent

let asking = null; // what is done with the text of the dialog

function askText(title, label, then) {
  asking = then;
  $("#ask-title").textContent = title;
  $("#ask-label").textContent = label;
  $("#ask-text").value = "";
  $("#ask").showModal();
  $("#ask-text").focus();
}

function said() {
  const text = $("#ask-text").value.trim(), then = asking;
  if (!text) return;
  $("#ask").close();
  focusOn(current());
  enqueue(() => then(text));
}

function tag(tile) {
  const candidate = candidateOf(tile);
  askText(`Tags of ${tile.dataset.name}`, "Tags to put on; -tag takes one off", async (text) => {
    const words = text.split(/[\s,]+/), off = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1));
    const on = words.filter((word) => word && !word.startsWith("-"));
    let told = null;
    if (on.length) told = await send("/tags", { candidate, tags: on, remove: false });
    if (off.length) told = await send("/tags", { candidate, tags: off, remove: true });
    say(`Saved: tags ${told.tags.join(" ") || "none"}.`);
  });
}

function note(tile) {
  const candidate = candidateOf(tile);
  askText(`A note on ${tile.dataset.name}`, "Note", async (text) => {
    await send("/notes", { candidate, text });
    say("Saved: the note.");
  });
}

function save() {
  askText("Save this search", "Name", async (name) => {
    await send(`/searches${location.search}`, { name });
    say(`Saved: search ${name}.`);
  });
}

function forget(button) {
  enqueue(async () => {
    await send("/searches/delete", { name: button.dataset.name });
    say(`Deleted: search ${button.dataset.name}.`);
  });
}

// comparing

function showMarks() {
  const marked = stored(MARKED);
  for (const tile of tiles()) {
    const on = marked.includes(candidateOf(tile)), button = $('[data-do="mark"]', tile);
    tile.classList.toggle("marked", on);
    if (button) button.setAttribute("aria-pressed", String(on));
  }
}

function mark(tile) {
  const marked = stored(MARKED), id = candidateOf(tile);
  const next = marked.includes(id) ? marked.filter((one) => one !== id) : [...marked, id].slice(-4);
  store(MARKED, next);
  showMarks();
  say(`${next.length} marked for comparing${next.length > 1 ? "; press v" : ""}.`);
}

function compare() {
  const marked = stored(MARKED);
  if (marked.length < 2) return say("Mark two to four pictures with c first.");
  store(MARKED, []);
  leave(() => location.assign(`/compare?${new URLSearchParams(marked.map((id) => ["id", id]))}`));
}

// looking

function reveal(button) {
  const picture = document.createElement("img");
  picture.src = button.dataset.src;
  picture.alt = button.dataset.alt;
  $(".picture", button.closest(".tile")).replaceChildren(picture);
  button.remove();
}

function toggle(tile, name, button, to) {
  const on = tile.classList.toggle(name, to);
  if (button) button.setAttribute("aria-pressed", String(name === "plain" ? !on : on));
}

function unfold(tile) {
  if (!$('[data-do="unfold"]', tile)) return say("Nothing is folded here.");
  const address = new URL(location.href), id = tile.dataset.id;
  if (address.searchParams.get("open") === id) address.searchParams.delete("open");
  else address.searchParams.set("open", id);
  leave(() => location.assign(address));
}

function open_(tile) {
  if (tile.dataset.open) leave(() => location.assign(tile.dataset.open));
  else toggle(tile, "actual", $('[data-do="actual"]', tile));
}

function follow(key) {
  const page = { "]": 'main a[rel="next"]', "[": 'main a[rel="prev"]' }[key];
  const link = $(`main a[data-key="${key}"]`) || (page && $(page));
  if (link) leave(() => link.click());
  return Boolean(link);
}

// how the full view is looked at, places as shares of the picture: the next picture is seen the same way
const zoom = {
  now: () => {
    const full = $("main .full");
    if (!full) return null;
    const { classList } = full.closest(".tile");
    return { actual: classList.contains("actual"), plain: classList.contains("plain"), down: window.scrollY,
      x: full.scrollLeft / full.scrollWidth, y: full.scrollTop / full.scrollHeight };
  },
  show: (seen) => {
    const full = $("main .full"), picture = full && $("img", full);
    if (!full || !seen) return;
    const look = () => full.scrollTo(seen.x * full.scrollWidth, seen.y * full.scrollHeight), tile = full.closest(".tile");
    toggle(tile, "actual", $('[data-do="actual"]', tile), seen.actual);
    toggle(tile, "plain", $('[data-do="overlay"]', tile), seen.plain);
    if (picture && !picture.complete) picture.addEventListener("load", look);
    look();
  },
  save: () => sessionStorage.setItem(ZOOM, JSON.stringify(zoom.now())),
  restore: () => {
    const seen = JSON.parse(sessionStorage.getItem(ZOOM) || "null");
    sessionStorage.removeItem(ZOOM); // it is of the step from picture to picture alone
    zoom.show(seen);
    if (seen) window.scrollTo(0, seen.down);
  },
};

const ON_TILE = {
  k: (tile) => tile.dataset.image && keep(tile),
  r: (tile) => tile.dataset.image && ask(tile, false),
  c: (tile) => tile.dataset.image && mark(tile),
  e: unfold,
  t: (tile) => tile.dataset.image && tag(tile),
  a: (tile) => tile.dataset.image && note(tile),
  m: (tile) => tile.dataset.image && leave(() => location.assign(`/search?${new URLSearchParams({ like: candidateOf(tile) })}`)),
  z: open_,
  Enter: open_,
  o: (tile) => $("svg", tile) && toggle(tile, "plain", $('[data-do="overlay"]', tile)),
};
const ANYWHERE = {
  n: () => follow("n") || step(1), ArrowRight: () => follow("n") || step(1),
  p: () => follow("p") || step(-1), ArrowLeft: () => follow("p") || step(-1),
  ArrowDown: () => step(columns()), ArrowUp: () => step(-columns()),
  u: () => undo(null), v: compare, "]": () => follow("]"), "[": () => follow("["), w: () => follow("w"),
  f: () => { const field = $(".filters select, .filters input"); if (field) field.focus(); },
  "/": () => $("#search").focus(),
  "?": () => $("#help").showModal(),
  Escape: () => { const up = $('header a[rel="up"]') || $("header nav a"); if (up) leave(() => up.click()); },
};
const BY_BUTTON = {
  keep: (tile) => ON_TILE.k(tile), reject: (tile) => ON_TILE.r(tile), mark: (tile) => mark(tile), undo: (tile) => undo(tile),
  unfold, tag, note, save, said, forget: (_, button) => forget(button), reveal: (_, button) => reveal(button), actual: (tile, button) => toggle(tile, "actual", button),
  overlay: (tile, button) => toggle(tile, "plain", button), help: () => $("#help").showModal(),
  close: (_, button) => button.closest("dialog").close(), decide: () => answer(""),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const where = event.target, typing = ["INPUT", "SELECT", "TEXTAREA"].includes(where.tagName);
  if ($("#why").open) {
    const reasons = all("#why-reasons button");
    if (!typing && !asked.keep && reasons[Number(event.key) - 1]) { event.preventDefault(); answer(reasons[Number(event.key) - 1].dataset.reason); }
    else if (!typing && event.key === "n") { event.preventDefault(); $("#why-note").focus(); }
    else if (typing && event.key === "Enter") { event.preventDefault(); answer(""); }
    return;
  }
  if ($("#ask").open) {
    if (typing && event.key === "Enter") { event.preventDefault(); said(); }
    return;
  }
  if ($("#help").open) return;
  if (typing) {
    if (event.key === "Escape") { event.preventDefault(); where.blur(); if (!current()) step(0); else focusOn(current()); }
    return;
  }
  if ($("main .single") && ["ArrowUp", "ArrowDown"].includes(event.key)) return; // there they scroll
  if (event.key === "Enter" && ["BUTTON", "A", "SUMMARY"].includes(where.tagName)) return;
  const tile = current();
  const act = ON_TILE[event.key] ? tile && (() => ON_TILE[event.key](tile)) : ANYWHERE[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

document.addEventListener("keydown", pressed);
document.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name); // short addresses
});
document.addEventListener("click", (event) => {
  if (event.target.closest("main a[data-key]")) zoom.save();
  const button = event.target.closest("button[data-do], button[data-reason]");
  if (!button) return;
  if (button.dataset.reason) answer(button.dataset.reason);
  else BY_BUTTON[button.dataset.do](button.closest(".tile"), button);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest(".filters");
  if (form && event.target.tagName === "SELECT") form.requestSubmit();
});

for (const tile of tiles()) rendered.set(tile, tile.outerHTML);
showMarks();
start();
zoom.restore();
document.addEventListener("focusin", (event) => { // after the start, which is the page's choice and no person's
  const tile = event.target.closest("main .tile");
  if (tile) place.set((last = tile.dataset.id));
});
pulse();
